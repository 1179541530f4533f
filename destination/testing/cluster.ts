import { DEFAULT_IDENTITY_DOMAIN } from '../../api/workload-identity.ts';
import { Cluster } from '../objects/cluster.ts';
import type { MeshDomain } from '../objects/mesh-domain.ts';
import type { Complain } from '../objects/object-ref.ts';
import { formatReport, Reports } from '../objects/reports.ts';
import { type ClientPlace, ClientView } from '../translate/client-view.ts';
import type { Inquiry } from '../translate/inquiry.ts';
import { outboundTarget } from '../translate/outbound-target.ts';
import { parseTarget } from '../translate/target.ts';
import { FakeSource } from './fake-source.ts';

export const TEST_DOMAIN: MeshDomain = {
  ...DEFAULT_IDENTITY_DOMAIN,
  clusterDomain: 'cluster.local',
  clusterNetworks: ['10.0.0.0/8'],
  defaultInboundPolicy: 'all-unauthenticated',
};

/** A cluster of manifests, what is wrong with them, and what is known of a target in it. */
export function clusterOf(...manifests: readonly object[]) {
  const reports = new Reports();
  const source = new FakeSource(reports);
  const cluster = new Cluster();
  source.objects.onChange((changes) => cluster.apply(changes));
  source.put(...manifests);
  const complaints: string[] = [];
  const complain: Complain = (object, path, message) =>
    complaints.push(formatReport({ object, path, message, place: '' }));
  const inquiry: Inquiry = { cluster, domain: TEST_DOMAIN, complain };
  const target = (key: string, clientNamespace = 'default', place: Partial<ClientPlace> = {}) => {
    const client = new ClientView({
      namespace: clientNamespace,
      node: '',
      zone: '',
      locality: '',
      labels: {},
      ...place,
    });
    return outboundTarget({ ...inquiry, client }, parseTarget(key)!);
  };
  return { cluster, inquiry, source, reports, complaints, target };
}
