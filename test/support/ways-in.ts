import { connect, type Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import * as tls from 'node:tls';

import type { InboundPort } from '../../api/routing.ts';
import { endpoint, identityOf, service, TestAuthority, TestProxy } from './mesh.ts';

/** A way of a client to an application on loopback. */
export interface WayIn {
  readonly name: string;
  /** Identity of the client, as the application's proxy knows it; empty: none. */
  readonly identity: string;
  readonly inbound: TestProxy;
  /** @param lateMs how long a handshake that the client makes itself waits */
  connect(lateMs?: number): Socket;
  close(): void;
}

/** How {@link openWay} leads. */
export const WAYS_IN = ['one proxy', 'mutual TLS without ALPN', 'two proxies'] as const;

/** Opens a way to a port of loopback that nobody has marked. @param rules what holds for the port after all, its protocol for both proxies */
export async function openWay(
  name: (typeof WAYS_IN)[number],
  applicationPort: number,
  rules: Partial<InboundPort> = {},
): Promise<WayIn> {
  const inbound = new TestProxy('api', authority);
  const { protocol = 'detect' } = rules;
  if (Object.keys(rules).length > 0) inbound.declare(applicationPort, protocol, rules);
  const inboundPort = await inbound.listenInbound(applicationPort);
  const address = { host: '127.0.0.1', port: inboundPort, allowHalfOpen: true };
  if (name === 'one proxy')
    return {
      name,
      identity: '',
      inbound,
      connect: () => connect(address),
      close: () => inbound.close(),
    };
  const identity = identityOf('frontend');
  if (name === 'mutual TLS without ALPN') {
    const { chain, key, trustBundle } = authority.credentials('frontend');
    const options = { ...address, servername: identityOf('api'), cert: chain, key, ca: trustBundle };
    const close = () => inbound.close();
    const connectLate = (lateMs: number) => {
      const [near, far] = duplexPair();
      const socket = connect(address);
      far.pipe(socket).pipe(far);
      far.pause();
      setTimeout(() => far.resume(), lateMs);
      return tls.connect({ ...options, socket: near });
    };
    return {
      name,
      identity,
      inbound,
      connect: (lateMs) => (lateMs ? connectLate(lateMs) : tls.connect(options)),
      close,
    };
  }
  const outbound = new TestProxy('frontend', authority);
  outbound.describe('10.96.0.1:80', service('api', [endpoint(inboundPort, 'api')], { protocol }));
  const port = await outbound.listenOutbound();
  const close = () => {
    outbound.close();
    inbound.close();
  };
  return { name, identity, inbound, connect: () => connect({ ...address, port }), close };
}

const authority = new TestAuthority();
