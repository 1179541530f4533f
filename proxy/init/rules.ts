import type { PortRanges } from '../../core/config/port-ranges.ts';

/** What the redirect rules are made from. */
export interface RedirectSettings {
  readonly inboundPort: number;
  readonly outboundPort: number;
  /** Traffic of this user leaves the pod as it is. */
  readonly proxyUid: number;
  readonly skipInboundPorts: PortRanges;
  readonly skipOutboundPorts: PortRanges;
  /** CIDRs of either family: not redirected when they are the source of inbound or the destination of outbound traffic. */
  readonly skipSubnets: readonly string[];
}

export const INBOUND_CHAIN = 'WEFT_INBOUND';
export const OUTBOUND_CHAIN = 'WEFT_OUTBOUND';

/**
 * The rules as input of `iptables-restore --noflush`, one transaction.
 *
 * Naming a chain of our own creates it or empties it, so that a second run leaves the same rules; a jump is added only
 * where `saved` does not have it.
 *
 *     PREROUTING ─▶ WEFT_INBOUND:  skipped ports, skipped sources ─▶ as they are; other TCP ─▶ inbound port
 *     OUTPUT ─────▶ WEFT_OUTBOUND: the proxy's user, loopback, skipped ports and subnets ─▶ as they are; other TCP ─▶ outbound port
 *
 * @param saved output of `iptables-save -t nat`
 */
export function restoreInput(settings: RedirectSettings, family: 4 | 6, saved: string): string {
  const subnets = settings.skipSubnets.filter((cidr) => cidr.includes(':') === (family === 6));
  const lines = ['*nat', `:${INBOUND_CHAIN} - [0:0]`, `:${OUTBOUND_CHAIN} - [0:0]`];

  for (const ports of multiports(settings.skipInboundPorts))
    lines.push(`-A ${INBOUND_CHAIN} -p tcp -m multiport --dports ${ports} -j RETURN`);
  for (const cidr of subnets) lines.push(`-A ${INBOUND_CHAIN} -s ${cidr} -j RETURN`);
  lines.push(`-A ${INBOUND_CHAIN} -p tcp -j REDIRECT --to-ports ${settings.inboundPort}`);

  lines.push(`-A ${OUTBOUND_CHAIN} -m owner --uid-owner ${settings.proxyUid} -j RETURN`);
  lines.push(`-A ${OUTBOUND_CHAIN} -o lo -j RETURN`);
  for (const ports of multiports(settings.skipOutboundPorts))
    lines.push(`-A ${OUTBOUND_CHAIN} -p tcp -m multiport --dports ${ports} -j RETURN`);
  for (const cidr of subnets) lines.push(`-A ${OUTBOUND_CHAIN} -d ${cidr} -j RETURN`);
  lines.push(`-A ${OUTBOUND_CHAIN} -p tcp -j REDIRECT --to-ports ${settings.outboundPort}`);

  for (const [hook, chain] of [
    ['PREROUTING', INBOUND_CHAIN],
    ['OUTPUT', OUTBOUND_CHAIN],
  ] as const) {
    if (!new RegExp(`^-A ${hook} -p tcp -j ${chain}$`, 'm').test(saved)) lines.push(`-A ${hook} -p tcp -j ${chain}`);
  }
  return `${[...lines, 'COMMIT'].join('\n')}\n`;
}

/** Port lists of at most 15 slots, a range taking two: what the multiport match takes. */
function multiports(ports: PortRanges): string[] {
  const lists: string[] = [];
  let list: string[] = [];
  let slots = 0;
  for (const [from, to] of ports.ranges) {
    const cost = from === to ? 1 : 2;
    if (slots + cost > 15) {
      lists.push(list.join(','));
      list = [];
      slots = 0;
    }
    list.push(from === to ? String(from) : `${from}:${to}`);
    slots += cost;
  }
  if (list.length > 0) lists.push(list.join(','));
  return lists;
}
