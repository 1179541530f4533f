import type { Fields } from '../json.ts';
import { type Meta, readMeta } from '../meta.ts';

/** Where a node is, by its topology labels; no other label of it is kept. */
export interface Node extends Meta {
  /** Empty where it has none. */
  readonly zone: string;
  /** `region/zone/subzone`, parts that it does not have empty. */
  readonly locality: string;
}

/** Reads a v1 Node, whole or its metadata alone. @throws MalformedObject */
export function readNode(raw: Fields): Node {
  const meta = readMeta(raw);
  const zone = meta.labels[ZONE_LABEL] ?? '';
  const locality = [meta.labels[REGION_LABEL] ?? '', zone, meta.labels[SUBZONE_LABEL] ?? ''].join('/');
  return { ...meta, labels: {}, zone, locality };
}

/** Source: https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone */
const ZONE_LABEL = 'topology.kubernetes.io/zone';
const REGION_LABEL = 'topology.kubernetes.io/region';
/** Source: https://istio.io/latest/docs/tasks/traffic-management/locality-load-balancing/ */
const SUBZONE_LABEL = 'topology.istio.io/subzone';
