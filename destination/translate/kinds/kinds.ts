import type { Problem } from '../problem.ts';
import { readServiceProfile, type ServiceProfile } from '../service-profile.ts';
import { type Deployment, readDeployment } from './deployment.ts';
import { type EndpointSlice, readEndpointSlice } from './endpoint-slice.ts';
import type { Fields } from './json.ts';
import { type Namespace, readNamespace } from './namespace.ts';
import { type Node, readNode } from './node.ts';
import { type Pod, readPod } from './pod.ts';
import { type ReplicaSet, readReplicaSet } from './replica-set.ts';
import { readService, type Service } from './service.ts';

/** Every kind of object that decides where requests go, by name of the kind. */
export interface Kinds {
  Namespace: Namespace;
  Node: Node;
  Service: Service;
  Pod: Pod;
  EndpointSlice: EndpointSlice;
  Deployment: Deployment;
  ReplicaSet: ReplicaSet;
  ServiceProfile: ServiceProfile;
}

export type Kind = keyof Kinds;

/** How a kind is called by the API server, and how its objects are read. */
export interface KindDefinition<K extends Kind> {
  /** API group, empty for the core group. */
  readonly group: string;
  /** Version that is asked of an API server; any version is read from a file. */
  readonly version: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
  /** Whether the metadata says enough, so that the rest need not be fetched. */
  readonly metadataOnly: boolean;
  /** Whether a cluster may lack the kind, because somebody else installs its definition. */
  readonly isOptional: boolean;
  /** Keeps what decides; notes faults that harm a part of the object. @throws MalformedObject when it is unusable */
  readonly read: (raw: Fields, problems: Problem[]) => Kinds[K];
}

export const KINDS: { readonly [K in Kind]: KindDefinition<K> } = {
  Namespace: kind('', 'v1', 'namespaces', readNamespace, { isNamespaced: false, metadataOnly: true }),
  Node: kind('', 'v1', 'nodes', readNode, { isNamespaced: false, metadataOnly: true }),
  Service: kind('', 'v1', 'services', readService),
  Pod: kind('', 'v1', 'pods', readPod),
  EndpointSlice: kind('discovery.k8s.io', 'v1', 'endpointslices', readEndpointSlice),
  Deployment: kind('apps', 'v1', 'deployments', readDeployment),
  ReplicaSet: kind('apps', 'v1', 'replicasets', readReplicaSet, { metadataOnly: true }),
  ServiceProfile: kind('linkerd.io', 'v1alpha2', 'serviceprofiles', readServiceProfile, { isOptional: true }),
};

/** An object came (`before` is null), changed, or went (`after` is null). Both have the same kind and name. */
export type Change = {
  [K in Kind]: { readonly kind: K; readonly before: Kinds[K] | null; readonly after: Kinds[K] | null };
}[Kind];

function kind<K extends Kind>(
  group: string,
  version: string,
  plural: string,
  read: (raw: Fields, problems: Problem[]) => Kinds[K],
  options: { isNamespaced?: boolean; metadataOnly?: boolean; isOptional?: boolean } = {},
): KindDefinition<K> {
  return { group, version, plural, read, isNamespaced: true, metadataOnly: false, isOptional: false, ...options };
}
