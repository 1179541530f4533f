/** How a case puts load on its proxies, and so what it measures. */
export type CaseKind =
  /** Requests by h2load: processor time for 1,000, rate or latencies. */
  | 'requests'
  /** Octets by iperf3, server to client: megabytes for a second of processor time. */
  | 'tcp'
  /** Connections that stay after one request: memory of each. */
  | 'connections'
  /** Connections that end after one request: processor time for 1,000 handshakes. */
  | 'handshakes';

/** What is measured: one line a case. */
export interface Case {
  readonly name: string;
  readonly what: string;
  readonly kind: CaseKind;
  /**
   * Which proxies the load passes: the client's alone, both with mutual TLS between them, or the server's alone, to which
   * the generator speaks mutual TLS itself.
   */
  readonly path: 'client' | 'both' | 'server';
  /** Who takes part: other proxies; or Weft under policies that the requests do not use, or with 100 that say who may come in. */
  readonly beside: 'peers' | 'unused-policies' | 'access-policies';
  /** What generator and backend speak; between two proxies it is always HTTP/2. */
  readonly protocol: 'h1' | 'h2' | 'tcp';
  readonly connections: number;
  /** Requests under way on a connection. */
  readonly streams: number;
  /** Octets of an answer's body, or of each gRPC message. */
  readonly body: number;
  /** gRPC messages of an answer; 0: the answer is no gRPC. */
  readonly messages: number;
  /** Octets of header fields in each request beside the usual ones. */
  readonly headers: number;
  /** Requests of a run; warm-ups make half of them. */
  readonly requests: number;
  /** Requests a second by the clock; 0: as many as there can be. */
  readonly rate: number;
}

const plain = {
  kind: 'requests',
  beside: 'peers',
  streams: 32,
  connections: 8,
  body: 100,
  messages: 0,
  headers: 0,
  rate: 0,
} as const;
const h2 = { ...plain, protocol: 'h2' } as const;
const h1 = { ...plain, protocol: 'h1', streams: 1, connections: 64 } as const;
const lowRate = { connections: 10, rate: 1000, requests: 10_000 };

/** In the order in which they are read: saturation, by the clock, bodies, octets, connections. */
export const CASES: readonly Case[] = [
  { ...h2, name: 'h2', what: 'HTTP/2, one hop', path: 'client', requests: 300_000 },
  { ...h1, name: 'h1', what: 'HTTP/1.1, one hop', path: 'client', requests: 60_000 },
  { ...h2, name: 'h2-mtls', what: 'HTTP/2, two hops, mutual TLS', path: 'both', requests: 150_000 },
  {
    ...h2,
    beside: 'unused-policies',
    name: 'unused-policies',
    what: 'HTTP/2, two hops, mutual TLS: beside policies that the requests do not use',
    path: 'both',
    requests: 100_000,
  },
  { ...h1, name: 'h1-to-h2-mtls', what: 'HTTP/1.1, two hops, mutual TLS', path: 'both', requests: 60_000 },
  {
    ...h2,
    ...lowRate,
    name: 'low-rate',
    what: 'HTTP/2 at 1,000 requests a second, two hops, mutual TLS',
    path: 'both',
    streams: 10,
  },
  {
    ...h2,
    beside: 'access-policies',
    name: 'access-policies',
    what: 'HTTP/2, two hops, mutual TLS: beside a server with 100 access policies',
    path: 'both',
    requests: 100_000,
  },
  {
    ...h2,
    ...lowRate,
    beside: 'access-policies',
    name: 'access-policies-low-rate',
    what: 'HTTP/2 at 1,000 requests a second, two hops, mutual TLS: beside a server with 100 access policies',
    path: 'both',
    streams: 10,
  },
  {
    ...h1,
    ...lowRate,
    name: 'low-rate-h1',
    what: 'HTTP/1.1 at 1,000 requests a second, two hops, mutual TLS',
    path: 'both',
  },
  {
    ...h2,
    name: 'grpc-unary',
    what: 'gRPC, a message of 100 octets each way, two hops, mutual TLS',
    path: 'both',
    messages: 1,
    requests: 100_000,
  },
  {
    ...h2,
    name: 'grpc-stream',
    what: 'gRPC, answers of 100 messages of 100 octets, two hops, mutual TLS',
    path: 'both',
    messages: 100,
    requests: 4000,
  },
  {
    ...h2,
    name: 'large-headers',
    what: 'HTTP/2, 8 kB of header fields in each request, two hops, mutual TLS',
    path: 'both',
    headers: 8000,
    requests: 20_000,
  },
  {
    ...h2,
    name: 'body-10k',
    what: 'HTTP/2, bodies of 10 kB, two hops, mutual TLS',
    path: 'both',
    body: 10_000,
    requests: 40_000,
  },
  {
    ...h2,
    name: 'body-10m',
    what: 'HTTP/2, bodies of 10 MB, two hops, mutual TLS',
    path: 'both',
    body: 10_000_000,
    connections: 4,
    streams: 1,
    requests: 60,
  },
  { ...h2, kind: 'tcp', protocol: 'tcp', name: 'tcp', what: 'octets, one hop', path: 'client', requests: 0 },
  {
    ...h2,
    kind: 'tcp',
    protocol: 'tcp',
    name: 'tcp-mtls',
    what: 'octets, two hops, mutual TLS',
    path: 'both',
    requests: 0,
  },
  ...[1000, 10_000].flatMap((connections): Case[] => [
    {
      ...h2,
      kind: 'connections',
      name: `connections-${connections}`,
      what: `${connections} idle HTTP/2 connections`,
      path: 'client',
      connections,
      requests: connections,
    },
    {
      ...h2,
      kind: 'connections',
      name: `connections-${connections}-mtls`,
      what: `${connections} idle HTTP/2 connections with mutual TLS`,
      path: 'server',
      connections,
      requests: connections,
    },
  ]),
  {
    ...h2,
    kind: 'handshakes',
    name: 'handshakes',
    what: 'connections with mutual TLS, each for one request',
    path: 'server',
    connections: 8,
    requests: 2000,
  },
];
