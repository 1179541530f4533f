import { FieldReader } from '../field-reader.ts';
import type { Fields } from '../json.ts';
import { type Meta, readMeta } from '../meta.ts';
import { type Problem, refuseErrors } from '../problem.ts';

/** Lets clients into a Server, a route of one, or all Servers of a namespace. */
export interface LinkerdAuthorizationPolicy extends Meta {
  readonly target: AuthorizationTarget;
  /** All of them have to hold; none: anybody is let in. */
  readonly required: readonly AuthenticationRef[];
}

/** What a policy is for, in its own namespace. */
export interface AuthorizationTarget {
  readonly kind: 'Server' | 'HTTPRoute' | 'GRPCRoute' | 'Namespace';
  /** API group; empty: the core group. */
  readonly group: string;
  readonly name: string;
}

/** What a client has to show. */
export interface AuthenticationRef {
  readonly kind: 'MeshTLSAuthentication' | 'NetworkAuthentication' | 'ServiceAccount';
  readonly namespace: string;
  readonly name: string;
}

/**
 * Reads an AuthorizationPolicy of Linkerd.
 *
 * @throws MalformedObject
 * @see https://linkerd.io/2/reference/authorization-policy/#authorizationpolicy
 */
export function readLinkerdAuthorizationPolicy(raw: Fields, problems: Problem[]): LinkerdAuthorizationPolicy {
  const meta = readMeta(raw);
  const found: Problem[] = [];
  const reader = FieldReader.ofSpec(raw, found);
  reader.allow(['targetRef', 'requiredAuthenticationRefs']);
  const target = readTarget(reader, meta.namespace);
  if (!reader.has('requiredAuthenticationRefs'))
    reader.problem('requiredAuthenticationRefs', 'is missing; an empty list lets anybody in');
  const required = reader.nestedList('requiredAuthenticationRefs').map((entry) => readRequired(entry, meta.namespace));
  const count = (...kinds: readonly string[]) => required.filter(({ kind }) => kinds.includes(kind)).length;
  if (count('MeshTLSAuthentication', 'ServiceAccount') > 1)
    reader.problem('requiredAuthenticationRefs', 'has more than one MeshTLSAuthentication or ServiceAccount');
  if (count('NetworkAuthentication') > 1)
    reader.problem('requiredAuthenticationRefs', 'has more than one NetworkAuthentication');
  refuseErrors(found, problems);
  return { ...meta, target, required };
}

function readTarget(reader: FieldReader, home: string): AuthorizationTarget {
  const target = reader.nested('targetRef');
  if (!target) reader.problem('targetRef', 'is missing');
  target?.allow(['group', 'kind', 'name', 'namespace']);
  const kind = target?.text('kind') ?? '';
  const name = target?.text('name') ?? '';
  const groups = TARGET_GROUPS[kind];
  if (target && !groups) target.problem('kind', `"${kind}" is none of ${Object.keys(TARGET_GROUPS).join(', ')}`);
  const group = target?.textOr('group', '') ?? '';
  if (groups && !groups.includes(group))
    target!.problem('group', `"${group}" has no ${kind}; write ${groups[0] || '""'}`);
  if (target?.has('namespace') && target.fields.namespace !== home)
    target.problem('namespace', 'is not the namespace of the policy');
  if (kind === 'Namespace' && name !== home) target!.problem('name', 'is not the namespace of the policy');
  return { kind: kind as AuthorizationTarget['kind'], group, name };
}

function readRequired(reader: FieldReader, home: string): AuthenticationRef {
  reader.allow(['group', 'kind', 'name', 'namespace']);
  const kind = reader.text('kind') ?? '';
  const group = reader.textOr('group', '');
  const expected = kind === 'ServiceAccount' ? ['', 'core'] : [GROUP];
  const isKnown = (REQUIRED as readonly string[]).includes(kind);
  if (kind !== '' && !isKnown) reader.problem('kind', `"${kind}" is none of ${REQUIRED.join(', ')}`);
  if (isKnown && !expected.includes(group))
    reader.problem('group', `"${group}" has no ${kind}; write ${expected[0] || '""'}`);
  const namespace = reader.optionalText('namespace') ?? home;
  return { kind: kind as AuthenticationRef['kind'], namespace, name: reader.text('name') ?? '' };
}

const GROUP = 'policy.linkerd.io';
const TARGET_GROUPS: Readonly<Record<string, readonly string[]>> = {
  Server: [GROUP],
  HTTPRoute: [GROUP, 'gateway.networking.k8s.io'],
  GRPCRoute: ['gateway.networking.k8s.io'],
  Namespace: ['', 'core'],
};
const REQUIRED = ['MeshTLSAuthentication', 'NetworkAuthentication', 'ServiceAccount'] as const;
