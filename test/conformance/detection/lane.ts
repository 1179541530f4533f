import { connect, createServer, type Server, type Socket } from 'node:net';
import * as tls from 'node:tls';

import { ALPN_WEFT_HTTP, ALPN_WEFT_OPAQUE_UNCONFIRMED } from '../../../api/proxy-headers.ts';
import type { InboundPolicy, InboundPort } from '../../../api/routing.ts';
import type { Credentials } from '../../../proxy/transport/mutual-tls.ts';
import { identityOf, route, type TestProxy } from '../../support/mesh.ts';
import { AT_ONCE, type Delivery, deliver, gone, LONGER_THAN_THE_WAIT_MS } from './delivery.ts';
import type { Head } from './head-generator.ts';
import type { Served, WitnessServer } from './servers.ts';

/** How a client comes to the inbound listener. */
export type Way = (typeof WAYS)[number];
export const WAYS = [
  'plaintext',
  'mutual TLS',
  'mutual TLS, weft.opaque/1',
  'TLS without a certificate, weft.opaque/1',
  'TLS without a certificate, weft.http/1',
] as const;

/** What is known of a port. */
export type Kind = keyof typeof KINDS;
export const KINDS = {
  detect: {},
  http1: { protocol: 'http1' },
  http2: { protocol: 'http2' },
  grpc: { protocol: 'grpc' },
  routes: { routes: { '': [route('all', { when: { path: { regex: '/.*' } } })] } },
  limit: { rateLimit: { totalPerSecond: 1_000_000, origin: 'HTTPLocalRateLimitPolicy/default/api' } },
} as const satisfies Record<string, Partial<InboundPort>>;

/** What came of one head on its way to a server. */
export interface Passage {
  readonly served: Served[];
  /** Requests that the proxy counted meanwhile. */
  counted: number;
  /** What reached the server. */
  arrived: Buffer;
}

/** A port behind the proxy, which leads to a server and carries one head at a time, so that what is counted is known by head. */
export class Lane {
  readonly kind: Kind;
  readonly #server: WitnessServer;
  readonly #proxy: TestProxy;
  readonly #credentials: Credentials;
  readonly #connections = new Set<Socket>();
  #relay: Server | null = null;
  #port = 0;
  #inboundPort = 0;
  #passage: Passage = newPassage();

  private constructor(kind: Kind, server: WitnessServer, proxy: TestProxy, credentials: Credentials) {
    this.kind = kind;
    this.#server = server;
    this.#proxy = proxy;
    this.#credentials = credentials;
  }

  static async open(kind: Kind, server: WitnessServer, proxy: TestProxy, credentials: Credentials): Promise<Lane> {
    const lane = new Lane(kind, server, proxy, credentials);
    const relay = createServer({ allowHalfOpen: true }, (socket) => lane.#forward(socket));
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
    lane.#relay = relay;
    lane.#port = (relay.address() as { port: number }).port;
    lane.#inboundPort = await proxy.listenInbound(lane.#port);
    // Otherwise the first request of one of many ports that nobody has named counts under none.
    proxy.ports.noteServing(lane.#port);
    return lane;
  }

  /** What the proxy is told of this lane's port. */
  rules(policy: InboundPolicy): InboundPort | null {
    if (this.kind === 'detect') return null;
    return { port: this.#port, protocol: 'detect', policy, routes: {}, ...KINDS[this.kind] };
  }

  /** Sends a head. The requests of what it came to may still be told later. */
  async send(head: Head, way: Way, delivery: Delivery): Promise<Passage> {
    const passage = newPassage();
    this.#passage = passage;
    const before = this.#counted();
    const socket = this.#connect(way);
    await deliver(socket, head.octets, delivery, LONGER_THAN_THE_WAIT_MS);
    await Promise.race([Promise.all([...this.#connections].map(gone)), new Promise((r) => setTimeout(r, 1000))]);
    for (const each of this.#connections) each.destroy();
    passage.counted = this.#counted() - before;
    return passage;
  }

  close(): void {
    this.#relay?.close();
  }

  #connect(way: Way): Socket {
    const address = { host: '127.0.0.1', port: this.#inboundPort, noDelay: true, allowHalfOpen: true };
    if (way === 'plaintext') return connect(address);
    const { chain, key, trustBundle } = this.#credentials;
    const own = way.startsWith('mutual') ? { cert: chain, key } : {};
    const alpn = way.endsWith('opaque/1')
      ? [ALPN_WEFT_OPAQUE_UNCONFIRMED]
      : way.endsWith('http/1')
        ? [ALPN_WEFT_HTTP]
        : [];
    const options = {
      ...address,
      ...own,
      ca: trustBundle,
      servername: identityOf('api'),
      ...(alpn.length > 0 ? { ALPNProtocols: alpn } : {}),
    };
    return tls.connect(options).setNoDelay(true);
  }

  /** Carries a connection of the proxy to the server, whose report will name the port that it comes from. */
  #forward(from: Socket): void {
    const passage = this.#passage;
    const to = connect({ host: '127.0.0.1', port: this.#server.port, allowHalfOpen: true });
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      this.#connections.add(one);
      one.on('error', () => {});
      one.once('close', () => {
        this.#connections.delete(one);
        other.destroy();
      });
    }
    from.on('data', (chunk: Buffer) => {
      passage.arrived = Buffer.concat([passage.arrived, chunk]);
    });
    from.pause();
    to.once('connect', () => {
      this.#server.listen(to.localPort!, (served) => passage.served.push(served));
      from.pipe(to);
      to.pipe(from);
    });
  }

  #counted(): number {
    let total = 0;
    const label = `target_port="${this.#port}"`;
    for (const [labels, { value }] of this.#proxy.metrics.requests.series)
      if (labels.includes(label) && labels.includes('direction="inbound"')) total += value;
    return total;
  }
}

/** What comes of a head that a client sends to a server without a proxy between them. */
export async function sendDirectly(server: WitnessServer, head: Head): Promise<Passage> {
  const passage = newPassage();
  const socket = connect({ host: '127.0.0.1', port: server.port, allowHalfOpen: true });
  socket.once('connect', () => server.listen(socket.localPort!, (served) => passage.served.push(served)));
  await deliver(socket, head.octets, AT_ONCE, 100);
  return passage;
}

function newPassage(): Passage {
  return { served: [], counted: 0, arrived: Buffer.alloc(0) };
}
