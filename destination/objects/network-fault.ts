import { isIpNetwork } from '../../core/config/ip-networks.ts';

/** What is wrong with a text as an address or a CIDR; null: nothing. */
export function networkFault(text: string): string | null {
  return isIpNetwork(text) ? null : `"${text}" is no address and no CIDR`;
}
