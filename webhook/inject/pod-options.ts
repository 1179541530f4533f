import {
  DEFAULT_INBOUND_POLICIES,
  DEFAULT_INBOUND_POLICY_ANNOTATION,
  type DefaultInboundPolicy,
  LINKERD_OPAQUE_PORTS_ANNOTATION,
  OPAQUE_PORTS_ANNOTATION,
  SKIP_INBOUND_PORTS_ANNOTATION,
  SKIP_OUTBOUND_PORTS_ANNOTATION,
  SKIP_SUBNETS_ANNOTATION,
} from '../../api/names.ts';
import type { LogLevel } from '../../core/log/log.ts';
import type { NamespaceFacts } from './namespace-facts.ts';
import {
  type OptionValue,
  parseCidrs,
  parseDurationText,
  parsePortNames,
  parsePorts,
  parseQuantity,
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
  readonly defaultInboundPolicy?: DefaultInboundPolicy;
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
  for (const option of OPTIONS) {
    for (const { annotations, owner } of [
      { annotations: pod?.annotations ?? {}, owner: 'the pod' },
      { annotations: namespace.annotations, owner: `namespace ${namespace.name}` },
    ]) {
      const name = namesOf(option, families).find((candidate) => annotations[candidate] !== undefined);
      if (name === undefined) continue;
      const isForeign = name !== option.weft;
      const value = (isForeign ? (option.parseForeign ?? option.parse) : option.parse)(annotations[name]!);
      if ('value' in value) options[option.field] = value.value;
      else
        (isForeign ? warnings : problems).push(`annotation ${name} of ${owner}: "${annotations[name]}" ${value.fault}`);
      // Of a policy that nobody can read only one thing is sure: fewer clients were wanted.
      if (!('value' in value) && option.field === 'defaultInboundPolicy') options[option.field] = 'deny';
      break;
    }
  }
  return { options: options as PodOptions, problems, warnings };
}

interface Option {
  readonly field: keyof PodOptions;
  readonly weft: string;
  readonly linkerd?: string;
  readonly istio?: string;
  readonly parse: (text: string) => OptionValue;
  /** Where another mesh's annotation has another grammar. */
  readonly parseForeign?: (text: string) => OptionValue;
}

function namesOf(option: Option, families: ForeignFamilies): readonly string[] {
  const names = [option.weft];
  if (families.linkerd && option.linkerd) names.push(option.linkerd);
  if (families.istio && option.istio) names.push(option.istio);
  return names;
}

const parsePolicy = (text: string) => parseWord(text, DEFAULT_INBOUND_POLICIES);
const parseSwitch = (text: string) => parseWord(text, ['enabled', 'disabled']);
const parseLevel = (text: string) => parseWord(text, LOG_LEVELS);
/** Linkerd's filters read `warn,linkerd=info` and Istio's level `warning`: the first level says how much to tell. */
const parseForeignLevel = (text: string) => {
  const first = text.split(',')[0]!.replace(/^.*=/, '');
  return parseLevel({ off: 'silent', none: 'silent', warning: 'warn' }[first] ?? first);
};
/** Linkerd says `true` and `false` where Weft says `enabled` and `disabled`. */
const parseForeignSwitch = (text: string) => parseSwitch({ true: 'enabled', false: 'disabled' }[text] ?? text);

/** As core/log has them, whose logger a command line need not load. */
const LOG_LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];
const LINKERD = 'config.linkerd.io/';
const ISTIO_TRAFFIC = 'traffic.sidecar.istio.io/';
const ISTIO_SIDECAR = 'sidecar.istio.io/';

/** Every option, with the names of the three families. Documented for users in docs/reference/annotations.md. */
export const OPTIONS: readonly Option[] = [
  {
    field: 'skipInboundPorts',
    weft: SKIP_INBOUND_PORTS_ANNOTATION,
    linkerd: `${LINKERD}skip-inbound-ports`,
    istio: `${ISTIO_TRAFFIC}excludeInboundPorts`,
    parse: parsePorts,
  },
  {
    field: 'skipOutboundPorts',
    weft: SKIP_OUTBOUND_PORTS_ANNOTATION,
    linkerd: `${LINKERD}skip-outbound-ports`,
    istio: `${ISTIO_TRAFFIC}excludeOutboundPorts`,
    parse: parsePorts,
  },
  {
    field: 'skipSubnets',
    weft: SKIP_SUBNETS_ANNOTATION,
    linkerd: `${LINKERD}skip-subnets`,
    istio: `${ISTIO_TRAFFIC}excludeOutboundIPRanges`,
    parse: parseCidrs,
  },
  {
    field: 'opaquePorts',
    weft: OPAQUE_PORTS_ANNOTATION,
    linkerd: LINKERD_OPAQUE_PORTS_ANNOTATION,
    parse: parsePortNames,
  },
  {
    field: 'defaultInboundPolicy',
    weft: DEFAULT_INBOUND_POLICY_ANNOTATION,
    linkerd: `${LINKERD}default-inbound-policy`,
    parse: parsePolicy,
  },
  {
    field: 'cpuRequest',
    weft: 'weft.dev/proxy-cpu-request',
    linkerd: `${LINKERD}proxy-cpu-request`,
    istio: `${ISTIO_SIDECAR}proxyCPU`,
    parse: parseQuantity,
  },
  {
    field: 'cpuLimit',
    weft: 'weft.dev/proxy-cpu-limit',
    linkerd: `${LINKERD}proxy-cpu-limit`,
    istio: `${ISTIO_SIDECAR}proxyCPULimit`,
    parse: parseQuantity,
  },
  {
    field: 'memoryRequest',
    weft: 'weft.dev/proxy-memory-request',
    linkerd: `${LINKERD}proxy-memory-request`,
    istio: `${ISTIO_SIDECAR}proxyMemory`,
    parse: parseQuantity,
  },
  {
    field: 'memoryLimit',
    weft: 'weft.dev/proxy-memory-limit',
    linkerd: `${LINKERD}proxy-memory-limit`,
    istio: `${ISTIO_SIDECAR}proxyMemoryLimit`,
    parse: parseQuantity,
  },
  {
    field: 'logLevel',
    weft: 'weft.dev/proxy-log-level',
    linkerd: `${LINKERD}proxy-log-level`,
    istio: `${ISTIO_SIDECAR}logLevel`,
    parse: parseLevel,
    parseForeign: parseForeignLevel,
  },
  {
    field: 'shutdownGrace',
    weft: 'weft.dev/shutdown-grace-period',
    linkerd: `${LINKERD}shutdown-grace-period`,
    parse: parseDurationText,
  },
  {
    field: 'adminShutdown',
    weft: 'weft.dev/proxy-admin-shutdown',
    linkerd: `${LINKERD}proxy-admin-shutdown`,
    parse: parseSwitch,
  },
  {
    field: 'outboundConnectTimeout',
    weft: 'weft.dev/outbound-connect-timeout',
    linkerd: `${LINKERD}proxy-outbound-connect-timeout`,
    parse: parseDurationText,
  },
  {
    field: 'inboundConnectTimeout',
    weft: 'weft.dev/inbound-connect-timeout',
    linkerd: `${LINKERD}proxy-inbound-connect-timeout`,
    parse: parseDurationText,
  },
  {
    field: 'nativeSidecar',
    weft: 'weft.dev/native-sidecar',
    linkerd: `${LINKERD}proxy-enable-native-sidecar`,
    istio: `${ISTIO_SIDECAR}nativeSidecar`,
    parse: parseSwitch,
    parseForeign: parseForeignSwitch,
  },
  { field: 'capture', weft: 'weft.dev/capture', parse: (text) => parseWord(text, ['init', 'none']) },
];
