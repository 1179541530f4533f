/** Applications that take few streams at a time, and bursts of many requests on cold connections. */
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';

import { openWays } from '../support/ways.ts';

const BURST = 90;

/** An application with so many streams at a time, which is slow enough that they are in use, and the ways to it. */
async function start(t: Test, maxConcurrentStreams: number) {
  const server = http2.createServer({ settings: { maxConcurrentStreams } });
  server.on('session', (session) => session.on('error', () => {}));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    const isGrpc = headers['content-type'] === 'application/grpc';
    let octets = 0;
    stream.on('data', (chunk: Buffer) => {
      octets += chunk.length;
    });
    stream.on('end', () =>
      setTimeout(() => {
        if (stream.destroyed) return;
        stream.respond(
          { ':status': 200, ...(isGrpc ? { 'content-type': 'application/grpc' } : {}) },
          { waitForTrailers: isGrpc },
        );
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(String(octets));
      }, 10),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  t.teardown(() => server.close());
  const { one, two } = (await openWays(t, port)).ports;
  return { one, two };
}

const KINDS: Readonly<Record<string, { headers: http2.OutgoingHttpHeaders; body: string }>> = {
  GET: { headers: { ':method': 'GET' }, body: '' },
  POST: { headers: { ':method': 'POST' }, body: 'hello' },
  'POST of 100 KB': { headers: { ':method': 'POST' }, body: 'x'.repeat(100_000) },
  gRPC: { headers: { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }, body: '\0\0\0\0\0' },
};

/** Asks `BURST` times at once, on one connection. @returns how often each outcome was */
async function burst(port: number, { headers, body }: (typeof KINDS)[string]): Promise<Record<string, number>> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  const outcomes: Record<string, number> = {};
  const ask = () =>
    new Promise<string>((resolve) => {
      const stream = session.request({ ':path': '/', ':authority': 'api', ...headers }, { endStream: body === '' });
      let status = '';
      let text = '';
      stream.on('response', (fields) => {
        status = `${fields[':status']}${fields['grpc-status'] ? ` grpc ${fields['grpc-status']}` : ''}`;
      });
      stream.on('trailers', (fields) => {
        status += ` grpc ${fields['grpc-status']}`;
      });
      stream.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      stream.on('error', () => {});
      stream.on('close', () => resolve(`${status} ${text}`));
      if (body !== '') stream.end(body);
    });
  for (const outcome of await Promise.all(Array.from({ length: BURST }, ask)))
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  session.destroy();
  return outcomes;
}

for (const streams of [1, 10, 50]) {
  for (const [kind, asked] of Object.entries(KINDS)) {
    t.test(`${BURST} × ${kind} at once, of which the application takes ${streams} at a time, are served`, async (t) => {
      const grpc = kind === 'gRPC' ? ' grpc 0' : '';
      for (const [way, port] of Object.entries(await start(t, streams)))
        t.same(await burst(port, asked), { [`200${grpc} ${asked.body.length}`]: BURST }, way);
    });
  }
}
