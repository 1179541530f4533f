import type { InboundPolicy } from '../../api/routing.ts';
import type { IpNetworks } from '../../core/config/ip-networks.ts';

/** Who a connection comes from, as far as it was proved. */
export interface Client {
  /** DNS identity; empty: not authenticated. */
  readonly identity: string;
  /** SPIFFE URI; empty: none. */
  readonly spiffe: string;
  /** SHA-256 of its certificate, lower-case hexadecimal; empty: not authenticated. */
  readonly certificateHash: string;
  /** Address without a v4-mapped prefix. */
  readonly address: string;
  /** The pod itself: a redirected connection over loopback, or one that its outbound side made. It has the pod's identity. */
  readonly isLocal: boolean;
}

/** The verdict on a client. `audited`: let in, but only because the policy audits. */
export type Verdict = 'allowed' | 'denied' | 'audited';

/** Why a client is refused, in a sentence for the operator. */
export function refusal({ mode, origin }: InboundPolicy, { identity }: Pick<Client, 'identity'>): string {
  return `${mode} (${origin}) refuses ${identity || 'a client without an identity'}`;
}

/**
 * Judges a client by a default inbound policy (Linkerd's `default-inbound-policy`). Pure; anything not known is denied.
 *
 * The pod itself is always let in, as in linkerd2-proxy.
 */
export function judge(
  policy: InboundPolicy,
  client: Pick<Client, 'identity' | 'address' | 'isLocal'>,
  networks: IpNetworks,
): Verdict {
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
