import type { Suffered } from './fault.ts';
import type { Entry } from './ledger.ts';
import { MANIFESTS, targetOf } from './manifests.ts';
import type { Kind } from './request.ts';

/**
 * Finds for each request that failed the fault that explains it; null: none does. Pure.
 *
 * A wrong answer and a hang are explained by nothing. A failure is, when a fault touches its path, may do that to a request of
 * its kind, and both met in time (docs/internals/chaos.md has the table).
 */
export function explain(failures: readonly Entry[], faults: readonly Suffered[]): Map<Entry, Suffered | null> {
  return new Map(
    failures.map((entry) => {
      if (entry.outcome === 'wrong' || entry.outcome === 'hang') return [entry, null];
      const fault = faults.find((each) => explains(each, entry, faults));
      if (fault) return [entry, fault];
      return [entry, faults.find((each) => isTooLarge(each, entry) || wasClosedIdle(each, entry)) ?? null];
    }),
  );
}

/**
 * Whether a request was led to a dead application, and its body was no longer at hand when its proxy said so: that much of it
 * is not kept.
 */
function isTooLarge(fault: Suffered, { kind, pod, detail, sentOctets, endedMs }: Entry): boolean {
  if (fault.part !== 'application' || fault.deed !== 'kill' || kind !== 'post' || sentOctets <= KEPT_OCTETS)
    return false;
  const isRefused = pod !== null && fault.pods.includes(pod) && detail.includes('connect_failed');
  return isRefused && endedMs >= fault.doneMs - SKEW_MS && endedMs <= (fault.overMs ?? endedMs) + SKEW_MS;
}

/**
 * Whether a request came on a kept connection to a frozen application, which ended it for idleness when it went on, before it
 * read: nobody knows whether such a request was taken, so that it is not sent again (RFC 9110 section 9.2.2).
 */
function wasClosedIdle(fault: Suffered, { kind, outcome, detail, endedMs }: Entry): boolean {
  const { deed, part, pods, doneMs, overMs } = fault;
  if (deed !== 'freeze' || part !== 'application' || kind !== 'post' || overMs === null) return false;
  if (!targetOf(kind).pods.includes(pods[0]!) || overMs - doneMs < KEPT_IDLE_MS) return false;
  const isClosed = outcome === 'refused' && detail.includes('endpoint_closed');
  return isClosed && endedMs >= overMs - SKEW_MS && endedMs <= overMs + SKEW_MS;
}

function explains(fault: Suffered, entry: Entry, faults: readonly Suffered[]): boolean {
  const { pods, deed, part } = fault;
  if (part === 'manifest') return isRouteMissing(fault, entry, faults);
  if (pods.length === 0) return false;
  if (pods.includes(entry.client))
    return part === 'proxy' ? byClientProxy(fault, entry, faults) : byClientLink(fault, entry);
  const target = targetOf(entry.kind);
  if (!target.pods.includes(pods[0]!)) return false;
  // Where none is left nobody can be asked, until they are back.
  if (pods.length > 1) return isWithin(entry, fault.doneMs, untilWell(fault));
  if (entry.pod !== null && !pods.includes(entry.pod)) return false;
  if (deed !== 'kill') return false;
  return wasInFlight(entry, fault, faults) && (!isRetried(entry, faults) || entry.hasBegun);
}

/** A client whose proxy is dead reaches nobody; one whose proxy is frozen only waits. */
function byClientProxy(fault: Suffered, entry: Entry, faults: readonly Suffered[]): boolean {
  if (fault.deed !== 'kill') return false;
  if (isWithin(entry, fault.doneMs, untilWell(fault))) return true;
  // It knows no target until it has connected to destination.
  const isUntold = entry.detail.includes('discovery_unavailable') || (entry.kind === 'octets' && !entry.hasBegun);
  return isUntold && isWithin(entry, fault.doneMs, untilKnown(fault, faults));
}

/** Without a link there is nobody to try; answers that have begun go on afterwards. Loss only meets who connects. */
function byClientLink(fault: Suffered, entry: Entry): boolean {
  const isConnecting = entry.kind === 'octets' && !entry.hasBegun;
  if (fault.deed === 'cut')
    return (entry.outcome === 'refused' || isConnecting) && isWithin(entry, fault.doneMs, untilWell(fault));
  return fault.deed === 'lose' && isConnecting && isWithin(entry, fault.doneMs, untilWell(fault));
}

/** A manifest that was cut between two routes is a manifest without the later ones. */
function isRouteMissing(fault: Suffered, entry: Entry, faults: readonly Suffered[]): boolean {
  const isOfService = fault.manifest !== null && MANIFESTS[fault.manifest] === targetOf(entry.kind).name;
  const isNotFound = entry.outcome === 'refused' && entry.detail.includes('route_not_found');
  return isOfService && fault.isInForce && isNotFound && isWithin(entry, fault.doneMs, untilKnown(fault, faults));
}

/**
 * Whether the request was under way when the program died, and its client heard of it at once; later, where the news had no
 * link to come by.
 */
function wasInFlight(entry: Entry, { doneMs, pods }: Suffered, faults: readonly Suffered[]): boolean {
  const cut = faults.filter(
    (fault) =>
      fault.part === 'link' &&
      fault.deed === 'cut' &&
      fault.pods.some((pod) => pod === entry.client || pods.includes(pod)) &&
      fault.doneMs <= doneMs + SKEW_MS &&
      (fault.overMs ?? doneMs) >= doneMs - SKEW_MS,
  );
  const toldMs = Math.max(doneMs + MARGIN_MS, ...cut.map(untilWell));
  return entry.beganMs <= doneMs + SKEW_MS && isWithin(entry, doneMs, toldMs);
}

/** Whether a rule that was in force says that the request is tried again. */
function isRetried({ kind, beganMs, endedMs }: Entry, faults: readonly Suffered[]): boolean {
  if (!RETRIED.includes(kind)) return false;
  const { name } = targetOf(kind);
  return !faults.some(
    (fault) =>
      fault.manifest !== null &&
      MANIFESTS[fault.manifest] === name &&
      fault.isInForce &&
      fault.doneMs <= endedMs &&
      beganMs <= untilKnown(fault, faults),
  );
}

/** Whether a failure became known in [fromMs, toMs]. */
function isWithin({ endedMs }: Entry, fromMs: number, toMs: number): boolean {
  return endedMs >= fromMs - SKEW_MS && endedMs <= toMs;
}

/** When nothing may fail any more. A link needs as long again as it was away: TCP doubles the time until it asks again. */
function untilWell({ deed, doneMs, overMs }: Suffered): number {
  if (overMs === null) return Number.POSITIVE_INFINITY;
  return overMs + MARGIN_MS + (deed === 'cut' ? overMs - doneMs : 0);
}

/** When proxies know what is said since a fault is over: later, where destination was away then. */
function untilKnown(fault: Suffered, faults: readonly Suffered[]): number {
  const { overMs } = fault;
  if (overMs === null) return Number.POSITIVE_INFINITY;
  const away = faults.filter(
    ({ part, doneMs, overMs: backMs }) =>
      part === 'destination' && doneMs <= overMs + SKEW_MS && (backMs ?? overMs) >= overMs - RECONNECT_MS,
  );
  return Math.max(untilWell(fault), ...away.map((each) => untilWell(each) + RECONNECT_MS));
}

/** What the manifests say is tried again. */
const RETRIED: readonly Kind[] = ['get', 'unary'];
/** How long a server of Node keeps a connection that is idle. */
const KEPT_IDLE_MS = 5000;
/** Of a body, for another attempt. */
const KEPT_OCTETS = 65_536;
/** Connecting takes 1 s at most, and a silent proxy is passed over after 2. */
const MARGIN_MS = 3000;
/** Longest pause between two tries of a proxy to connect to destination. */
const RECONNECT_MS = 5000;
/** Between what is done and what is written down. */
const SKEW_MS = 1000;
