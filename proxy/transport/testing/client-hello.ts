import { createServer } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';

/** The first octets of a TLS client with these options. */
export async function clientHello(options: ConnectionOptions): Promise<Buffer> {
  const said = Promise.withResolvers<Buffer>();
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (octets) => {
      said.resolve(octets);
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }).on('error', () => {});
  const octets = await said.promise;
  server.close();
  return octets;
}
