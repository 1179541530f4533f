import type { RateLimit } from '../../../api/routing.ts';
import { dnsIdentity } from '../../../api/workload-identity.ts';
import { FieldReader } from '../field-reader.ts';
import type { Fields } from '../json.ts';
import type { MeshDomain } from '../mesh-domain.ts';
import { type Meta, readMeta } from '../meta.ts';
import { formatRef } from '../object-ref.ts';
import { type Problem, refuseErrors } from '../problem.ts';

/** Bounds the requests a second that each proxy lets through to the port of a Server. */
export interface RateLimitPolicy extends Meta {
  /** Name of a Server of its namespace. */
  readonly server: string;
  /** Requests a second; null: no bound. */
  readonly total: number | null;
  readonly identity: number | null;
  readonly overrides: readonly RateLimitOverride[];
}

/** Requests a second that these service accounts share, instead of each having those of `identity`. */
export interface RateLimitOverride {
  readonly perSecond: number;
  readonly clients: readonly { readonly namespace: string; readonly serviceAccount: string }[];
}

/**
 * Reads an HTTPLocalRateLimitPolicy.
 *
 * @throws MalformedObject
 * @see https://linkerd.io/2/reference/rate-limiting/
 */
export function readRateLimitPolicy(raw: Fields, problems: Problem[]): RateLimitPolicy {
  const meta = readMeta(raw);
  const found: Problem[] = [];
  const reader = FieldReader.ofSpec(raw, found);
  reader.allow(['targetRef', 'total', 'identity', 'overrides']);
  const target = reader.nested('targetRef');
  target?.allow(['group', 'kind', 'name', 'namespace']);
  const isServer = target?.fields.kind === 'Server' && (target.fields.group ?? GROUP) === GROUP;
  if (!target || !isServer) reader.problem('targetRef', `is no Server of ${GROUP}`);
  const namespace = target?.optionalText('namespace') ?? meta.namespace;
  if (namespace !== meta.namespace) target!.problem('namespace', 'is not the namespace of the policy');
  const policy: RateLimitPolicy = {
    ...meta,
    server: target?.text('name') ?? '',
    total: readRate(reader.nested('total')),
    identity: readRate(reader.nested('identity')),
    overrides: reader.nestedList('overrides').map((entry) => readOverride(entry, meta.namespace)),
  };
  if (policy.total === null && policy.identity === null && policy.overrides.length === 0)
    reader.problem('', 'bounds nothing; write total, identity or overrides');
  checkTotal(reader, policy);
  refuseErrors(found, problems);
  return policy;
}

/** The bound as proxies enforce it. */
export function rateLimitOf(policy: RateLimitPolicy, domain: MeshDomain): RateLimit {
  const { namespace, name, total, identity, overrides } = policy;
  return {
    ...(total !== null && { totalPerSecond: total }),
    ...(identity !== null && { identityPerSecond: identity }),
    ...(overrides.length > 0 && {
      overrides: overrides.map(({ perSecond, clients }) => ({
        perSecond,
        clients: clients.map((client) => dnsIdentity(client, domain)),
      })),
    }),
    origin: formatRef({ kind: 'HTTPLocalRateLimitPolicy', namespace, name }),
  };
}

function readRate(reader: FieldReader | null): number | null {
  reader?.allow(['requestsPerSecond']);
  return reader?.number('requestsPerSecond', RATE) ?? null;
}

function readOverride(reader: FieldReader, home: string): RateLimitOverride {
  reader.allow(['requestsPerSecond', 'clientRefs']);
  const clients = reader.nestedList('clientRefs').map((entry) => {
    entry.allow(['group', 'kind', 'name', 'namespace']);
    if (entry.fields.kind !== 'ServiceAccount' || entry.textOr('group', '') !== '')
      entry.problem('kind', 'is not ServiceAccount, the only kind of client');
    return { namespace: entry.optionalText('namespace') ?? home, serviceAccount: entry.text('name') ?? '' };
  });
  if (clients.length === 0) reader.problem('clientRefs', 'names no client');
  return { perSecond: reader.number('requestsPerSecond', RATE) ?? 0, clients };
}

function checkTotal(reader: FieldReader, { total, identity, overrides }: RateLimitPolicy): void {
  if (total === null) return;
  if (identity !== null && identity > total) reader.problem('identity.requestsPerSecond', 'is more than total');
  for (const [at, { perSecond }] of overrides.entries())
    if (perSecond > total) reader.problem(`overrides[${at}].requestsPerSecond`, 'is more than total');
}

const GROUP = 'policy.linkerd.io';
const RATE = { min: 1, max: 2 ** 31 - 1, integer: true };
