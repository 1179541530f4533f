/** What a process had at a time. */
export interface Sample {
  /** Since 1970, milliseconds. */
  readonly atMs: number;
  /** Resident memory. */
  readonly octets: number;
  readonly descriptors: number;
}

/** How a process that lived grew. */
export interface Growth {
  readonly name: string;
  readonly pid: number;
  readonly minutes: number;
  readonly firstMiB: number;
  readonly lastMiB: number;
  /** By the line of least squares through the samples. */
  readonly mibPerHour: number;
  readonly firstDescriptors: number;
  readonly lastDescriptors: number;
  /** What grows; empty: nothing does, or the process did not live long enough to tell. */
  readonly complaint: string;
}

/**
 * Says whether a process grew. Pure. Heaps of the test's own programs are not bounded, so of them descriptors count alone.
 *
 * @param samples while the load ran, without the first minutes in which heaps fill
 * @param atRest the last one, after the load
 */
export function growthOf(name: string, pid: number, samples: readonly Sample[], atRest: Sample): Growth {
  const [first = atRest] = samples;
  const minutes = (atRest.atMs - first.atMs) / 60_000;
  const octetsPerMs = slopeOf(samples);
  const roseMiB = (octetsPerMs * minutes * 60_000) / MIB;
  const firstMiB = first.octets / MIB;
  const complaints = [];
  const isOurs = !/^(application|client) of /.test(name);
  if (isOurs && minutes >= LEAST_MINUTES && roseMiB > Math.max(ALLOWED_MIB, firstMiB * ALLOWED_SHARE))
    complaints.push(`memory rose by ${roseMiB.toFixed(1)} MiB`);
  if (atRest.descriptors > first.descriptors + ALLOWED_DESCRIPTORS)
    complaints.push(`${atRest.descriptors - first.descriptors} descriptors more at rest`);
  return {
    name,
    pid,
    minutes,
    firstMiB,
    lastMiB: atRest.octets / MIB,
    mibPerHour: (octetsPerMs * 3_600_000) / MIB,
    firstDescriptors: first.descriptors,
    lastDescriptors: atRest.descriptors,
    complaint: complaints.join(', '),
  };
}

/** Octets a millisecond, by the line of least squares. */
function slopeOf(samples: readonly Sample[]): number {
  const count = samples.length;
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, sample) => sum + of(sample), 0) / count;
  const meanMs = mean(({ atMs }) => atMs);
  const meanOctets = mean(({ octets }) => octets);
  let [together, alone] = [0, 0];
  for (const { atMs, octets } of samples) {
    together += (atMs - meanMs) * (octets - meanOctets);
    alone += (atMs - meanMs) ** 2;
  }
  return alone === 0 ? 0 : together / alone;
}

const MIB = 1024 * 1024;
/** Below it a heap that is filling looks like one that leaks. */
const LEAST_MINUTES = 8;
const ALLOWED_MIB = 16;
const ALLOWED_SHARE = 0.25;
/** Connections between proxies that another order of requests has opened. */
const ALLOWED_DESCRIPTORS = 16;
