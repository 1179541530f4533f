import { PortRanges } from '../../core/config/port-ranges.ts';
import { parseQuantity } from '../../core/kubernetes/quantity.ts';
import { parseDuration } from '../../core/time/duration.ts';

/** What an annotation's text came to: a value in its canonical text, or the second half of a sentence about it. */
export type OptionValue = { readonly value: string } | { readonly fault: string };

/** `25,3306,6379-6381`. */
export function parsePorts(text: string): OptionValue {
  const ports = PortRanges.parse(text);
  return typeof ports === 'string' ? { fault: `is no list of ports: ${ports}` } : { value: ports.toString() };
}

/** As {@link parsePorts}, and names of container ports between. */
export function parsePortNames(text: string): OptionValue {
  const entries = entriesOf(text);
  for (const entry of entries) {
    if (typeof PortRanges.parse(entry) === 'string' && !PORT_NAME.test(entry)) {
      return { fault: `is no list of ports: "${entry}" is no port (1 to 65535), range (from-to) or port name` };
    }
  }
  return { value: entries.join(',') };
}

/** `10.0.0.0/8,fd00::/8`; an address without a length stands for itself alone. */
export function parseCidrs(text: string): OptionValue {
  const cidrs: string[] = [];
  for (const entry of entriesOf(text)) {
    const match = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(entry);
    const bits = match ? addressBits(match[1]!) : 0;
    if (bits === 0 || Number(match![2] ?? bits) > bits) {
      return { fault: `is no list of CIDRs: "${entry}" is none` };
    }
    cidrs.push(`${match![1]}/${match![2] ?? bits}`);
  }
  return { value: cidrs.join(',') };
}

/** A positive Kubernetes quantity: `100m`, `0.5`, `64Mi`. */
export function parseQuantityText(text: string): OptionValue {
  return parseQuantity(text) ? { value: text } : { fault: 'is no positive quantity such as 100m or 64Mi' };
}

/** A duration as programs read it: `300ms`, `10s`, `1m30s`. Kept as text, for the proxy's environment. */
export function parseDurationText(text: string): OptionValue {
  return parseDuration(text, { hasDays: true }) === null
    ? { fault: 'is no duration such as 300ms, 10s or 2m' }
    : { value: text.trim() };
}

/** One of a few words, in exactly this spelling. */
export function parseWord(text: string, words: readonly string[]): OptionValue {
  return words.includes(text) ? { value: text } : { fault: `is none of ${words.join(', ')}` };
}

function entriesOf(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** 32 or 128 for an address of either family, 0 for anything else. */
function addressBits(text: string): number {
  const octets = text.split('.');
  if (octets.length === 4 && octets.every((octet) => /^\d{1,3}$/.test(octet) && Number(octet) <= 255)) return 32;
  const groups = text.split(':');
  const isShort = text.includes('::');
  if (groups.length < 3 || text.split('::').length > 2 || text.includes('.') || text.includes(':::')) return 0;
  if (!groups.every((group) => /^[0-9a-fA-F]{0,4}$/.test(group))) return 0;
  return (isShort ? groups.length <= 9 : groups.length === 8 && !groups.includes('')) ? 128 : 0;
}

/** IANA service name (RFC 6335 section 5.1). */
const PORT_NAME = /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/;
