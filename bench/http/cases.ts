/** What is measured: one line a case. */
export interface Case {
  readonly name: string;
  readonly what: string;
  /** Proxies between generator and backend; with two, mutual TLS between them. */
  readonly hops: 1 | 2;
  /** What the generator speaks. */
  readonly protocol: 'h1' | 'h2';
  readonly connections: number;
  /** Requests under way on a connection. */
  readonly streams: number;
  /** Octets of an answer's body. */
  readonly body: number;
  /** Requests of a run; warm-ups make half of them. */
  readonly requests: number;
  /** Requests a second by the clock; 0: as many as there can be. */
  readonly rate: number;
}

const saturation = { connections: 8, streams: 32, body: 100, rate: 0 };
const lowRate = { connections: 10, streams: 10, body: 100, rate: 1000, requests: 10_000 };

/** In the order in which they are read: one hop, two hops, by the clock, large bodies. */
export const CASES: readonly Case[] = [
  { name: 'h2', what: 'HTTP/2, one hop', hops: 1, protocol: 'h2', requests: 300_000, ...saturation },
  {
    name: 'h1',
    what: 'HTTP/1.1, one hop',
    hops: 1,
    protocol: 'h1',
    requests: 60_000,
    ...saturation,
    connections: 64,
    streams: 1,
  },
  { name: 'h2-mtls', what: 'HTTP/2, two hops, mutual TLS', hops: 2, protocol: 'h2', requests: 150_000, ...saturation },
  {
    name: 'h1-to-h2-mtls',
    what: 'HTTP/1.1, two hops, mutual TLS',
    hops: 2,
    protocol: 'h1',
    requests: 60_000,
    ...saturation,
    connections: 64,
    streams: 1,
  },
  {
    name: 'low-rate',
    what: 'HTTP/2 at 1,000 requests a second, two hops, mutual TLS',
    hops: 2,
    protocol: 'h2',
    ...lowRate,
  },
  {
    name: 'low-rate-h1',
    what: 'HTTP/1.1 at 1,000 requests a second, two hops, mutual TLS',
    hops: 2,
    protocol: 'h1',
    ...lowRate,
    streams: 1,
  },
  {
    name: 'body-10k',
    what: 'HTTP/2, bodies of 10 kB, two hops, mutual TLS',
    hops: 2,
    protocol: 'h2',
    requests: 40_000,
    ...saturation,
    body: 10_000,
  },
];
