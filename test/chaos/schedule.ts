import { Random } from '../../core/testing/random.ts';
import type { Deed, Fault, Part } from './fault.ts';
import { CLIENT_PODS, MANIFESTS, type Manifest, PODS, TARGETS } from './manifests.ts';

/**
 * Decides what is done to the mesh and when. Pure: the same seed and minutes give the same faults.
 *
 * Of every Service one pod at least is left alone, but for outages, which take all pods of one; of the clients one. The load
 * begins and ends in peace.
 */
export function scheduleOf(seed: number, minutes: number): Fault[] {
  const random = new Random(seed);
  const totalMs = minutes * 60_000;
  const peaceMs = Math.min(MAX_PEACE_MS, totalMs / 5);
  const faults: Fault[] = [];
  for (let beginMs = peaceMs; ; beginMs += MIN_GAP_MS + random.below(MAX_GAP_MS - MIN_GAP_MS)) {
    for (let tries = 0; tries < TRIES; tries++) {
      const fault = draw(random, faults.length + 1, beginMs);
      if (fault.endMs > totalMs - peaceMs || !isBearable(fault, faults)) continue;
      faults.push(fault);
      break;
    }
    if (beginMs > totalMs - peaceMs) return faults;
  }
}

function draw(random: Random, number: number, beginMs: number): Fault {
  const [deed, part, minMs, maxMs] = random.pick(WEIGHED);
  const target = random.pick(TARGETS);
  const isOutage = part === 'application' && random.oneIn(ONE_OUTAGE_IN);
  const pod = random.pick(part === 'application' ? target.pods : PODS);
  return {
    number,
    deed,
    part,
    pods: part === 'application' || part === 'proxy' || part === 'link' ? (isOutage ? target.pods : [pod]) : [],
    manifest:
      part === 'manifest' ? (deed === 'break' ? random.pick(EVERY_MANIFEST) : random.pick(ROUTE_MANIFESTS)) : null,
    share: deed === 'halve' ? random.below(1000) / 1000 : 0,
    beginMs,
    endMs: beginMs + minMs + random.below(maxMs - minMs),
  };
}

/** Whether enough is left to serve while a fault lasts, beside those that are already there. */
function isBearable(fault: Fault, faults: readonly Fault[]): boolean {
  const beside = faults.filter(
    ({ beginMs, endMs }) => endMs + REST_MS > fault.beginMs && beginMs < fault.endMs + REST_MS,
  );
  // The same thing is not harmed in two ways at once; certificates are renewed between two absences of identity.
  if (fault.manifest !== null) return beside.every(({ manifest }) => manifest !== fault.manifest);
  if (fault.part === 'identity')
    return faults.every(({ part, endMs }) => part !== 'identity' || endMs + IDENTITY_REST_MS <= fault.beginMs);
  if (fault.part === 'destination') return beside.every(({ part }) => part !== 'destination');
  const harmed = new Set(beside.flatMap(({ pods }) => pods));
  if (fault.pods.some((pod) => harmed.has(pod))) return false;
  const neighbours = [...TARGETS.map(({ pods }) => pods), CLIENT_PODS].find((pods) => pods.includes(fault.pods[0]!))!;
  const others = neighbours.filter((pod) => harmed.has(pod)).length;
  return fault.pods.length > 1 ? others === 0 : others + 1 < neighbours.length;
}

/** How often each is drawn, and how long it lasts, milliseconds. */
const DRAWN: readonly [times: number, deed: Deed, part: Part, minMs: number, maxMs: number][] = [
  [4, 'kill', 'application', 500, 5000],
  [4, 'kill', 'proxy', 500, 5000],
  // Below the 13 s after which a silent proxy is given up.
  [3, 'freeze', 'application', 1000, 8000],
  [3, 'freeze', 'proxy', 1000, 8000],
  [2, 'kill', 'destination', 500, 10_000],
  [2, 'freeze', 'destination', 1000, 10_000],
  // Certificates of 90 s are renewed with 30 s to go, and a proxy that was refused asks again within 10 s.
  [2, 'kill', 'identity', 500, 10_000],
  [2, 'freeze', 'identity', 1000, 10_000],
  // TCP asks again after at most as long again: below the 13 s, too.
  [4, 'cut', 'link', 300, 5000],
  [3, 'lose', 'link', 2000, 8000],
  [2, 'late', 'link', 2000, 8000],
  [2, 'break', 'manifest', 500, 8000],
  [2, 'halve', 'manifest', 300, 5000],
  [2, 'misspell', 'manifest', 500, 8000],
  [2, 'delete', 'manifest', 500, 8000],
];
const WEIGHED = DRAWN.flatMap(([times, ...what]) => Array<typeof what>(times).fill(what));

const EVERY_MANIFEST = Object.keys(MANIFESTS) as Manifest[];
/** Pods and addresses are those of the start: a Service that is deleted would be gone, and its clients refused rightly. */
const ROUTE_MANIFESTS = EVERY_MANIFEST.filter((manifest) => MANIFESTS[manifest] !== null);

/** Of the faults of applications one in so many takes all pods of a Service. */
const ONE_OUTAGE_IN = 8;
/** How long what was harmed is left alone: a program starts within it. */
const REST_MS = 8000;
const IDENTITY_REST_MS = 40_000;
const MAX_PEACE_MS = 20_000;
const MIN_GAP_MS = 500;
const MAX_GAP_MS = 4500;
const TRIES = 20;
