import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

/** Both ends of a connection. */
export interface SocketPair {
  /** The end that was accepted. Nothing has been read from it. */
  readonly near: Socket;
  readonly far: Socket;
}

/** A TCP connection through loopback, each direction of which ends by itself. It is gone when the test is over. */
export async function socketPair(t: Test): Promise<SocketPair> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [near] = (await once(server, 'connection')) as [Socket];
  server.close();
  for (const socket of [near, far]) socket.on('error', () => {});
  t.teardown(() => {
    near.destroy();
    far.destroy();
  });
  return { near, far };
}
