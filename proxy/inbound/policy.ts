import { BlockList, isIPv6 } from 'node:net';

import type { InboundPolicy } from '../../api/routing.ts';

/** Who a connection comes from, as far as it was proved. */
export interface Client {
  /** DNS identity; empty: not authenticated. */
  readonly identity: string;
  /** SPIFFE URI; empty: none. */
  readonly spiffe: string;
  /** Address without a v4-mapped prefix. */
  readonly address: string;
  /** The pod itself: a redirected connection over loopback. */
  readonly isLocal: boolean;
}

/** The verdict on a client. `audited`: let in, but only because the policy audits. */
export type Verdict = 'allowed' | 'denied' | 'audited';

/** Networks of the cluster, for the `cluster-*` policies. */
export class ClusterNetworks {
  readonly #list = new BlockList();

  /** @param cidrs `10.0.0.0/8`, `fd00::/8`; an entry that is none is left out, which admits fewer */
  constructor(cidrs: readonly string[]) {
    for (const cidr of cidrs) {
      const [address, prefix] = cidr.split('/');
      try {
        this.#list.addSubnet(address!, Number(prefix), isIPv6(address!) ? 'ipv6' : 'ipv4');
      } catch {}
    }
  }

  has(address: string): boolean {
    return this.#list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }
}

/**
 * Judges a client by a default inbound policy (Linkerd's `default-inbound-policy`). Pure; anything not known is denied.
 *
 * The pod itself is always let in, as in linkerd2-proxy.
 */
export function judge(policy: InboundPolicy, client: Client, networks: ClusterNetworks): Verdict {
  if (client.isLocal) return 'allowed';
  switch (policy.mode) {
    case 'all-unauthenticated':
      return 'allowed';
    case 'all-authenticated':
      return client.identity !== '' ? 'allowed' : 'denied';
    case 'cluster-unauthenticated':
      return networks.has(client.address) ? 'allowed' : 'denied';
    case 'cluster-authenticated':
      return client.identity !== '' && networks.has(client.address) ? 'allowed' : 'denied';
    case 'audit':
      return client.identity !== '' ? 'allowed' : 'audited';
    default:
      return 'denied';
  }
}
