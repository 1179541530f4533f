import {
  DEFAULT_INBOUND_POLICIES,
  type DefaultInboundPolicy,
  REQUEST_OVERRIDES_ANNOTATION,
} from '../../../api/names.ts';
import { POD_ANNOTATIONS } from '../../../api/pod-annotations.ts';
import { PortRanges } from '../../../core/config/port-ranges.ts';
import type { Problem } from '../problem.ts';

/** What the annotations of a Service, pod or namespace ask of the mesh. null: the annotation is absent. */
export interface Settings {
  readonly opaquePorts: PortSetting | null;
  readonly skipInboundPorts: PortSetting | null;
  readonly inboundPolicy: PolicySetting | null;
  /** Ports whose clients have to prove who they are. */
  readonly requireIdentityPorts: PortSetting | null;
  /** Whether requests may say how they are retried and timed out. Of Services and namespaces. */
  readonly requestOverrides: boolean | null;
}

/** Ports that an annotation names, by number or by the object's own names for them. */
export interface PortSetting {
  /** Name of the annotation that was read. */
  readonly annotation: string;
  /** Inclusive ranges; empty: the annotation says that there are none. */
  readonly ranges: readonly (readonly [from: number, to: number])[];
  /** Entries that are port names of the object. */
  readonly names: readonly string[];
}

/** A default inbound policy, and the annotation that set it: Weft's own or Linkerd's. */
export interface PolicySetting {
  readonly annotation: string;
  readonly mode: DefaultInboundPolicy;
}

/**
 * Reads the settings of an object and notes what is wrong with them.
 *
 * A wrong entry of a port list is left out. A wrong policy reads as `deny`: whoever wrote it wanted fewer clients,
 * and guessing which would let strangers in.
 */
export function readSettings(annotations: Readonly<Record<string, string>>, problems: Problem[]): Settings {
  return {
    opaquePorts: readPorts(annotations, OPAQUE_PORTS, problems),
    skipInboundPorts: readPorts(annotations, SKIP_INBOUND_PORTS, problems),
    inboundPolicy: readPolicy(annotations, problems),
    requireIdentityPorts: readGuardedPorts(annotations, problems),
    requestOverrides: readRequestOverrides(annotations, problems),
  };
}

/** Whether a setting covers `port`, or one of the names that the port has. */
export function coversPort(setting: PortSetting, port: number, names: readonly string[] = []): boolean {
  return (
    setting.ranges.some(([from, to]) => port >= from && port <= to) ||
    names.some((name) => name !== '' && setting.names.includes(name))
  );
}

/** Reads the first of `keys` that is set: Weft's own wins over Linkerd's. @param fate what becomes of an entry that is wrong */
function readPorts(
  annotations: Readonly<Record<string, string>>,
  keys: readonly string[],
  problems: Problem[],
  fate = 'the entry is ignored',
): PortSetting | null {
  const annotation = keys.find((key) => annotations[key] !== undefined);
  if (annotation === undefined) return null;
  const ranges: (readonly [number, number])[] = [];
  const names: string[] = [];
  for (const entry of annotations[annotation]!.split(',').map((text) => text.trim())) {
    const parsed = PortRanges.parse(entry);
    if (typeof parsed !== 'string') ranges.push(...parsed.ranges);
    else if (PORT_NAME.test(entry)) names.push(entry);
    else problems.push({ path: annotationPath(annotation), message: `${parsed} or port name; ${fate}` });
  }
  return { annotation, ranges, names };
}

/** A wrong entry stands for every port: whoever wrote it wanted fewer clients, and guessing where would let strangers in. */
function readGuardedPorts(annotations: Readonly<Record<string, string>>, problems: Problem[]): PortSetting | null {
  const noted = problems.length;
  const setting = readPorts(annotations, REQUIRE_IDENTITY_PORTS, problems, 'it counts for every port');
  return setting && problems.length > noted ? { ...setting, ranges: [[1, 65_535]] } : setting;
}

function readPolicy(annotations: Readonly<Record<string, string>>, problems: Problem[]): PolicySetting | null {
  const annotation = INBOUND_POLICY.find((key) => annotations[key] !== undefined);
  if (annotation === undefined) return null;
  const text = annotations[annotation]!;
  const mode = DEFAULT_INBOUND_POLICIES.find((policy) => policy === text);
  if (mode === undefined) {
    const allowed = DEFAULT_INBOUND_POLICIES.join(', ');
    problems.push({ path: annotationPath(annotation), message: `"${text}" is none of ${allowed}; deny applies` });
  }
  return { annotation, mode: mode ?? 'deny' };
}

function readRequestOverrides(
  annotations: Readonly<Record<string, string>>,
  problems: Problem[],
): Settings['requestOverrides'] {
  const text = annotations[REQUEST_OVERRIDES_ANNOTATION];
  if (text === undefined) return null;
  if (text !== 'enabled' && text !== 'disabled') {
    const message = `"${text}" is neither enabled nor disabled; disabled applies`;
    problems.push({ path: annotationPath(REQUEST_OVERRIDES_ANNOTATION), message });
  }
  return text === 'enabled';
}

/** @param metadata path of the metadata that holds the annotation */
export function annotationPath(annotation: string, metadata = 'metadata'): string {
  return `${metadata}.annotations["${annotation}"]`;
}

const { opaquePorts, skipInboundPorts, defaultInboundPolicy, requireIdentityPorts } = POD_ANNOTATIONS;
const OPAQUE_PORTS = [opaquePorts.weft, opaquePorts.linkerd];
const SKIP_INBOUND_PORTS = [skipInboundPorts.weft, skipInboundPorts.linkerd];
const REQUIRE_IDENTITY_PORTS = [requireIdentityPorts.weft, requireIdentityPorts.linkerd];
const INBOUND_POLICY = [defaultInboundPolicy.weft, defaultInboundPolicy.linkerd];
/** IANA service name: at most 15 of lower-case letters, digits and hyphens, at least one letter (RFC 6335 section 5.1). */
const PORT_NAME = /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/;
