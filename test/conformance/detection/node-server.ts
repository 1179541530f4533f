/** A server of node:http: `node node-server.ts PORT` writes a line of JSON for each request that it serves. */
import { createServer } from 'node:http';

const server = createServer({ maxHeaderSize: 256 * 1024 }, (request, response) => {
  const served = {
    port: request.socket.remotePort,
    identity: String(request.headers['l5d-client-id'] ?? ''),
    certificate: String(request.headers['x-forwarded-client-cert'] ?? ''),
    request: `${request.method} ${request.url?.slice(0, 80)} HTTP/${request.httpVersion}`,
  };
  process.stdout.write(`${JSON.stringify(served)}\n`);
  response.end('served\n');
});
server.listen(Number(process.argv[2]), '127.0.0.1', 4096);
