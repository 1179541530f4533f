import type { Fields } from '../json.ts';
import { type Meta, type Owner, readMeta, readOwner } from '../meta.ts';

/** The metadata of a ReplicaSet, which names the Deployment above it. */
export interface ReplicaSet extends Meta {
  readonly owner: Owner | null;
}

/** Reads an apps ReplicaSet, whole or its metadata alone. @throws MalformedObject */
export function readReplicaSet(raw: Fields): ReplicaSet {
  return { ...readMeta(raw), owner: readOwner(raw) };
}
