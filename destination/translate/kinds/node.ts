import type { Fields } from './json.ts';
import { type Meta, readMeta } from './meta.ts';

export interface Node extends Meta {
  /** Empty where it has none. */
  readonly zone: string;
}

/** Reads a v1 Node, whole or its metadata alone. @throws MalformedObject */
export function readNode(raw: Fields): Node {
  const meta = readMeta(raw);
  return { ...meta, labels: {}, zone: meta.labels[ZONE_LABEL] ?? '' };
}

/** Source: https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone */
const ZONE_LABEL = 'topology.kubernetes.io/zone';
