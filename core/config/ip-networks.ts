import { BlockList, isIP } from 'node:net';

/** A set of networks that addresses are looked up in. */
export class IpNetworks {
  readonly #list = new BlockList();

  /** @param networks `10.0.0.0/8`, `fd00::/8`, `10.0.0.1`; an entry that is none is left out */
  constructor(networks: readonly string[]) {
    for (const network of networks.filter(isIpNetwork)) {
      const [address = '', prefix] = network.split('/');
      const family = familyOf(address);
      if (prefix === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(prefix), family);
    }
  }

  /** @param address IPv4 or IPv6 literal */
  has(address: string): boolean {
    return this.#list.check(address, familyOf(address));
  }
}

/** Whether a text is an IPv4 or IPv6 address, or a CIDR; bits beyond its prefix may be set. */
export function isIpNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
