import type { Cluster } from '../objects/cluster.ts';
import type { MeshDomain } from '../objects/mesh-domain.ts';
import type { Complain } from '../objects/object-ref.ts';
import type { ClientView } from './client-view.ts';

/** What is known of a mesh: what was said in its cluster, and what all of it has in common. */
export interface Mesh {
  readonly cluster: Cluster;
  readonly domain: MeshDomain;
}

/** A question about a mesh, with somebody to tell of the faults that are found on the way. */
export interface Inquiry extends Mesh {
  readonly complain: Complain;
}

/** A question that a client asks. What is looked at of it is remembered, see {@link ClientView}. */
export interface ClientInquiry extends Inquiry {
  readonly client: ClientView;
}
