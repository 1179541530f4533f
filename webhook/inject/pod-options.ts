import {
  DEFAULT_INBOUND_POLICIES,
  type DefaultInboundPolicy,
  DISCOVERY_FAILURE_POLICIES,
  type DiscoveryFailurePolicy,
} from '../../api/names.ts';
import { POD_ANNOTATIONS, type PodAnnotation } from '../../api/pod-annotations.ts';
import type { LogLevel } from '../../core/log/log.ts';
import type { NamespaceFacts } from './namespace-facts.ts';
import {
  type OptionValue,
  parseCidrs,
  parseDurationText,
  parsePortNames,
  parsePorts,
  parseQuantityText,
  parseWord,
} from './option-value.ts';
import type { ObjectMetadata } from './pod-template.ts';
import type { ForeignFamilies } from './settings.ts';

/** What the annotations of a pod and its namespace ask of its proxy. A field that is absent was not asked for. */
export interface PodOptions {
  readonly skipInboundPorts?: string;
  readonly skipOutboundPorts?: string;
  /** Comma list of CIDRs. */
  readonly skipSubnets?: string;
  /** Ports, ranges and names of container ports. */
  readonly opaquePorts?: string;
  /** Read by destination, from the pod itself. */
  readonly requireIdentityPorts?: string;
  readonly halfClosedPorts?: string;
  readonly defaultInboundPolicy?: DefaultInboundPolicy;
  readonly discoveryFailurePolicy?: DiscoveryFailurePolicy;
  readonly cpuRequest?: string;
  readonly cpuLimit?: string;
  readonly memoryRequest?: string;
  readonly memoryLimit?: string;
  readonly logLevel?: LogLevel;
  readonly shutdownGrace?: string;
  readonly adminShutdown?: 'enabled' | 'disabled';
  readonly outboundConnectTimeout?: string;
  readonly inboundConnectTimeout?: string;
  readonly nativeSidecar?: 'enabled' | 'disabled';
  /** `none`: no redirect rules; the application uses the proxy explicitly or not at all. */
  readonly capture?: 'init' | 'none';
  /** The word was `ingress`: the application forwards requests of others. */
  readonly isIngress?: boolean;
}

/** The options that were asked for, and what was wrong with the asking. */
export interface ReadOptions {
  readonly options: PodOptions;
  /** Faults in Weft's own annotations: whoever wrote them must hear of it, so the pod is refused. */
  readonly problems: readonly string[];
  /** Faults in another mesh's annotations, which that mesh ignores too. */
  readonly warnings: readonly string[];
}

/** Reads every option: the pod's annotation before the namespace's, at one level Weft's name before the others'. */
export function readOptions(
  pod: ObjectMetadata | null | undefined,
  namespace: NamespaceFacts,
  families: ForeignFamilies,
): ReadOptions {
  const options: Record<string, string> = {};
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const [field, option] of OPTIONS) {
    const annotation = POD_ANNOTATIONS[field];
    for (const { annotations, owner } of [
      { annotations: pod?.annotations ?? {}, owner: 'the pod' },
      { annotations: namespace.annotations, owner: `namespace ${namespace.name}` },
    ]) {
      const name = namesOf(annotation, families).find((candidate) => annotations[candidate] !== undefined);
      if (name === undefined) continue;
      const isForeign = name !== annotation.weft;
      const value = (isForeign ? (option.parseForeign ?? option.parse) : option.parse)(annotations[name]!);
      if ('value' in value) options[field] = value.value;
      else
        (isForeign ? warnings : problems).push(`annotation ${name} of ${owner}: "${annotations[name]}" ${value.fault}`);
      // Of a policy that nobody can read only one thing is sure: fewer clients were wanted.
      if (!('value' in value) && field === 'defaultInboundPolicy') options[field] = 'deny';
      break;
    }
  }
  return { options: options as PodOptions, problems, warnings };
}

interface Reader {
  readonly parse: (text: string) => OptionValue;
  /** Where another mesh's annotation has another grammar. */
  readonly parseForeign?: (text: string) => OptionValue;
}

function namesOf({ weft, linkerd, istio }: PodAnnotation, families: ForeignFamilies): readonly string[] {
  const names = [weft];
  if (families.linkerd && linkerd) names.push(linkerd);
  if (families.istio && istio) names.push(istio);
  return names;
}

const parsePolicy = (text: string) => parseWord(text, DEFAULT_INBOUND_POLICIES);
const parseCapture = (text: string) => parseWord(text, ['init', 'none']);
const parseSwitch = (text: string) => parseWord(text, ['enabled', 'disabled']);
const parseLevel = (text: string) => parseWord(text, LOG_LEVELS);
/**
 * Linkerd's filters read `warn,linkerd=info` and Istio's level `warning`: the first level says how much to tell, but one of
 * some spans alone (`linkerd[name="inbound"]=trace`), which says it of those.
 */
const parseForeignLevel = (text: string) => {
  const first = (filtersOf(text).find((filter) => !filter.includes('[')) ?? '').split('=').at(-1)!.trim();
  return parseLevel({ off: 'silent', none: 'silent', warning: 'warn' }[first] ?? first);
};
/** The entries of a list in which commas within brackets separate nothing; a bracket that is not closed is a letter. */
function filtersOf(text: string): string[] {
  const lastClosed = text.lastIndexOf(']');
  const filters: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '[' && at < lastClosed) at = text.indexOf(']', at);
    else if (text[at] === ',') {
      filters.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...filters, text.slice(start)].filter((filter) => filter !== '');
}

/** Linkerd says `true` and `false` where Weft says `enabled` and `disabled`. */
const parseForeignSwitch = (text: string) => parseSwitch({ true: 'enabled', false: 'disabled' }[text] ?? text);

/** As core/log has them, whose logger a command line need not load. */
const LOG_LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

/** How each option's text is read. */
const READERS: Readonly<Record<keyof typeof POD_ANNOTATIONS, Reader>> = {
  skipInboundPorts: { parse: parsePorts },
  skipOutboundPorts: { parse: parsePorts },
  skipSubnets: { parse: parseCidrs },
  opaquePorts: { parse: parsePortNames },
  halfClosedPorts: { parse: parsePorts },
  defaultInboundPolicy: { parse: parsePolicy },
  requireIdentityPorts: { parse: parsePortNames },
  discoveryFailurePolicy: { parse: (text) => parseWord(text, DISCOVERY_FAILURE_POLICIES) },
  cpuRequest: { parse: parseQuantityText },
  cpuLimit: { parse: parseQuantityText },
  memoryRequest: { parse: parseQuantityText },
  memoryLimit: { parse: parseQuantityText },
  logLevel: { parse: parseLevel, parseForeign: parseForeignLevel },
  shutdownGrace: { parse: parseDurationText },
  adminShutdown: { parse: parseSwitch },
  outboundConnectTimeout: { parse: parseDurationText },
  inboundConnectTimeout: { parse: parseDurationText },
  nativeSidecar: { parse: parseSwitch, parseForeign: parseForeignSwitch },
  capture: { parse: parseCapture },
};
const OPTIONS = Object.entries(READERS) as [keyof typeof POD_ANNOTATIONS, Reader][];
