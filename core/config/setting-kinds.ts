import { formatDuration, parseDuration } from '../time/duration.ts';
import { Fault, type Kind } from './environment.ts';
import { isIpNetwork } from './ip-networks.ts';
import { PortRanges } from './port-ranges.ts';
import { parseSocketAddress, type SocketAddress } from './socket-address.ts';

/** Any text; one with the fallback `''` may be left out. */
export const TEXT: Kind<string> = { name: 'text', parse: (text) => text };

/** Entries between commas, without the white space around them. */
export const LIST: Kind<readonly string[]> = { name: 'comma list', parse: entriesOf };

export const CIDRS: Kind<readonly string[]> = {
  name: 'comma list of CIDRs',
  parse(text) {
    const networks = entriesOf(text);
    const wrong = networks.find((network) => !network.includes('/') || !isIpNetwork(network));
    return wrong === undefined ? networks : new Fault(`"${wrong}" is no CIDR such as 10.0.0.0/8`);
  },
};

/** Milliseconds. */
export const DURATION: Kind<number> = {
  name: 'duration',
  parse: (text) =>
    parseDuration(text, { hasDays: true }) ?? new Fault(`"${text}" is no duration such as 300ms, 10s or 24h`),
};

/** The kind of setting that is a duration from `minMs` to `maxMs`, both included, in milliseconds. */
export function durationBetween(minMs: number, maxMs: number): Kind<number> {
  const range = `from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  return {
    name: `duration ${range}`,
    parse(text) {
      const ms = DURATION.parse(text);
      return ms instanceof Fault || (ms >= minMs && ms <= maxMs) ? ms : new Fault(`must be ${range}`);
    },
  };
}

/** A whole number from 1 to 2^31-1. */
export const COUNT: Kind<number> = {
  name: 'number from 1',
  parse: (text) =>
    /^[1-9]\d{0,9}$/.test(text) && Number(text) < 2 ** 31 ? Number(text) : new Fault(`"${text}" is no number from 1`),
};

export const ADDRESS: Kind<SocketAddress> = {
  name: 'host:port',
  parse: (text) => parseSocketAddress(text) ?? new Fault(`"${text}" is no host:port`),
};

export const ADDRESSES: Kind<readonly SocketAddress[]> = {
  name: 'comma list of host:port, or none',
  parse(text) {
    if (text === 'none') return [];
    const found = entriesOf(text).map(ADDRESS.parse);
    return found.find((each) => each instanceof Fault) ?? (found as SocketAddress[]);
  },
};

export const PORTS: Kind<PortRanges> = {
  name: 'ports and ranges',
  parse(text) {
    const ports = PortRanges.parse(text);
    return typeof ports === 'string' ? new Fault(ports) : ports;
  },
};

/** The kind of setting that is one of a few words, in exactly this spelling. */
export function oneOf<T extends string>(allowed: readonly T[]): Kind<T> {
  return {
    name: allowed.map((each) => `\`${each}\``).join(', '),
    parse: (text) => allowed.find((value) => value === text) ?? new Fault(`"${text}" is none of ${allowed.join(', ')}`),
  };
}

function entriesOf(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}
