import { FieldReader } from '../field-reader.ts';
import type { Fields } from '../json.ts';
import { type Meta, readMeta } from '../meta.ts';
import { type Problem, refuseErrors } from '../problem.ts';

/** Workloads that an AuthorizationPolicy lets in: any of them. */
export interface MeshTlsAuthentication extends Meta {
  /** DNS identities, `*` for any and `*.suffix` for those that end so. */
  readonly identities: readonly string[];
  readonly workloads: readonly WorkloadRef[];
}

/** A service account, or all those of a namespace. */
export type WorkloadRef =
  | { readonly kind: 'ServiceAccount'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'Namespace'; readonly name: string };

/**
 * Reads a MeshTLSAuthentication.
 *
 * @throws MalformedObject
 * @see https://linkerd.io/2/reference/authorization-policy/#meshtlsauthentication
 */
export function readMeshTlsAuthentication(raw: Fields, problems: Problem[]): MeshTlsAuthentication {
  const meta = readMeta(raw);
  const found: Problem[] = [];
  const reader = FieldReader.ofSpec(raw, found);
  reader.allow(['identities', 'identityRefs']);
  const identities = reader.texts('identities', identityFault);
  const workloads = reader.nestedList('identityRefs').map((entry) => readWorkloadRef(entry, meta.namespace));
  if (reader.has('identities') === reader.has('identityRefs'))
    reader.problem('', 'has to have one of identities and identityRefs');
  if (identities.length + workloads.length === 0) reader.problem('', 'names nobody');
  refuseErrors(found, problems);
  return { ...meta, identities, workloads };
}

/** What is wrong with an identity as Linkerd writes one; null: nothing. */
export function identityFault(text: string): string | null {
  return /^(\*|(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$/.test(text)
    ? null
    : `"${text}" is no identity, such as web.default.serviceaccount.identity.linkerd.cluster.local, *.example or *`;
}

function readWorkloadRef(reader: FieldReader, home: string): WorkloadRef {
  reader.allow(['group', 'kind', 'name', 'namespace']);
  const kind = reader.text('kind');
  const isCore = reader.textOr('group', '') === '' || reader.fields.group === 'core';
  if (kind === 'Namespace' && isCore) return { kind, name: reader.optionalText('name') ?? home };
  if (kind !== 'ServiceAccount' || !isCore) reader.problem('kind', 'is neither ServiceAccount nor Namespace');
  const namespace = reader.optionalText('namespace') ?? home;
  return { kind: 'ServiceAccount', namespace, name: reader.text('name') ?? '' };
}
