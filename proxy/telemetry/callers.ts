import type { CallerEntry, CallersPage } from '../../api/callers-page.ts';

/** A way in which somebody comes in, found once for a head or a connection. */
export interface Caller {
  readonly entry: Omit<CallerEntry, 'count' | 'refused' | 'last'>;
  count: number;
  refused: number;
  /** Monotonic milliseconds. */
  lastMs: number;
}

/** Counts that a caller has come. */
export function come(caller: Caller, isRefused: boolean, nowMs: number): void {
  caller.count++;
  if (isRefused) caller.refused++;
  caller.lastMs = nowMs;
}

/** What a caller is told apart by, besides who it is. */
export type CallerWay = Pick<CallerEntry, 'port' | 'carried' | 'method' | 'route' | 'isProbe'>;

/** Whether what comes next on a connection is the same way as before. */
export function isWay({ entry }: Caller, { port, method, route, isProbe }: CallerWay): boolean {
  return entry.method === method && entry.route === route && entry.isProbe === isProbe && entry.port === port;
}

/**
 * Who comes in, how often and how lately, within bounds: those that prove who they are and those that do not have places of their
 * own, since strangers come from as many addresses as they like. One that finds no place is counted, and not kept; what nobody has
 * used for {@link KEPT_MS} makes room.
 */
export class Callers {
  readonly #known = { proved: new Map<string, Caller>(), unproved: new Map<string, Caller>() };
  readonly #now: () => number;
  readonly #sinceMs: number;
  #dropped = 0;
  #sweptMs = Number.NEGATIVE_INFINITY;

  /** @param now monotonic milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#sinceMs = now();
  }

  /** The place of a caller; one that is kept nowhere where there is no room. */
  find(client: Pick<CallerEntry, 'identity' | 'spiffe' | 'address' | 'isLocal'>, way: CallerWay): Caller {
    const { identity, spiffe, isLocal } = client;
    const address = identity === '' ? client.address : '';
    const method = METHODS.has(way.method) ? way.method : '';
    const key = [identity, address, isLocal, way.port, way.carried, method, way.route, way.isProbe].join('\n');
    const known = this.#known[identity === '' ? 'unproved' : 'proved'];
    let caller = known.get(key);
    if (caller) return caller;
    caller = {
      entry: { identity, spiffe, address, isLocal, ...way, method },
      count: 0,
      refused: 0,
      lastMs: this.#now(),
    };
    if (known.size >= MOST_CALLERS) this.#makeRoom(known);
    if (known.size < MOST_CALLERS) known.set(key, caller);
    else this.#dropped++;
    return caller;
  }

  /** What the admin port shows, the busiest first. @param nowMs milliseconds since the epoch */
  page(nowMs: number): CallersPage {
    const instant = (ms: number) => new Date(nowMs - (this.#now() - ms)).toISOString();
    const callers = [...this.#known.proved.values(), ...this.#known.unproved.values()].filter(({ count }) => count > 0);
    return {
      since: instant(this.#sinceMs),
      dropped: this.#dropped,
      callers: callers
        .sort((a, b) => b.count - a.count)
        .map(({ entry, count, refused, lastMs }) => ({ ...entry, count, refused, last: instant(lastMs) })),
    };
  }

  /** Forgets what nobody has used for long. Looked for once in a while, since a flood asks for room all the time. */
  #makeRoom(known: Map<string, Caller>): void {
    const now = this.#now();
    if (now - this.#sweptMs < SWEEP_MS) return;
    this.#sweptMs = now;
    for (const [key, { lastMs }] of known) if (now - lastMs > KEPT_MS) known.delete(key);
  }
}

/** Methods that a registry knows (https://www.iana.org/assignments/http-methods) and applications use; others count together. */
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'PROPFIND',
]);

/** Of either kind, at some 400 octets each. */
const MOST_CALLERS = 1000;
/** A caller that has not come for so long makes room for others, milliseconds. */
const KEPT_MS = 86_400_000;
const SWEEP_MS = 10_000;
