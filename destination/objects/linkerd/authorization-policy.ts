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
  const groups = TARGET_GROUPS.get(kind);
  if (target && !groups) target.problem('kind', `"${kind}" is none of ${[...TARGET_GROUPS.keys()].join(', ')}`);
  const group = target ? readGroup(target, kind, groups) : '';
  if (target?.has('namespace') && target.fields.namespace !== home)
    target.problem('namespace', 'is not the namespace of the policy');
  if (kind === 'Namespace' && name !== home) target!.problem('name', 'is not the namespace of the policy');
  return { kind: kind as AuthorizationTarget['kind'], group, name };
}

function readRequired(reader: FieldReader, home: string): AuthenticationRef {
  reader.allow(['group', 'kind', 'name', 'namespace']);
  const kind = reader.text('kind') ?? '';
  const groups = REQUIRED_GROUPS.get(kind);
  readGroup(reader, kind, groups);
  if (kind !== '' && !groups) reader.problem('kind', `"${kind}" is none of ${[...REQUIRED_GROUPS.keys()].join(', ')}`);
  const namespace = reader.optionalText('namespace') ?? home;
  return { kind: kind as AuthenticationRef['kind'], namespace, name: reader.text('name') ?? '' };
}

/** @param groups that have the kind; undefined: none has, which is told elsewhere */
function readGroup(reader: FieldReader, kind: string, groups: readonly string[] | undefined): string {
  const group = reader.textOr('group', '');
  if (groups && !groups.includes(group))
    reader.problem('group', `"${group}" has no ${kind}; write ${groups[0] || '""'}`);
  return group;
}

const GROUP = 'policy.linkerd.io';
const CORE = ['', 'core'];
const TARGET_GROUPS: ReadonlyMap<string, readonly string[]> = new Map([
  ['Server', [GROUP]],
  ['HTTPRoute', [GROUP, 'gateway.networking.k8s.io']],
  ['GRPCRoute', ['gateway.networking.k8s.io']],
  ['Namespace', CORE],
]);
const REQUIRED_GROUPS: ReadonlyMap<string, readonly string[]> = new Map([
  ['MeshTLSAuthentication', [GROUP]],
  ['NetworkAuthentication', [GROUP]],
  ['ServiceAccount', CORE],
]);
