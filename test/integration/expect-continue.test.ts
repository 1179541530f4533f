/** Clients that wait to be asked for their body (RFC 9110 section 10.1.1). */
import * as http from 'node:http';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import t from 'tap';

import { openWays } from '../support/ways.ts';

const LATE_MS = 1200;
/** Of the proxies: less than the application takes to say 100. */
const limits = { bodyTimeoutMs: 300 };

for (const version of [1, 2]) {
  t.test(`a body of HTTP/${version} is not late before its client was asked for it`, async (t) => {
    const ask = (_request: unknown, response: { writeContinue(): void; end(text: string): void }) =>
      void setTimeout(() => response.writeContinue(), LATE_MS);
    const take = (request: http.IncomingMessage | http2.Http2ServerRequest, end: (text: string) => void) => {
      let octets = 0;
      request.on('data', (chunk: Buffer) => {
        octets += chunk.length;
      });
      request.on('end', () => end(String(octets)));
    };
    const server = version === 1 ? http.createServer() : http2.createServer();
    // Without it Node's server of HTTP/2 takes nothing for a request.
    server.on('request', () => {});
    server.on('checkContinue', (request, response) => {
      take(request, (text) => response.end(text));
      ask(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    t.teardown(() => server.close());
    const { ports } = await openWays(t, port, { limits });
    for (const [way, each] of Object.entries(ports))
      t.same(await (version === 1 ? put1(each) : put2(each)), [200, '5'], way);
  });
}

function put1(port: number): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'api', 'content-length': 5, expect: '100-continue' };
    const asked = http.request({ host: '127.0.0.1', port, method: 'PUT', agent: false, headers });
    asked.on('error', reject);
    asked.on('continue', () => asked.end('hello'));
    asked.on('response', async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve([response.statusCode!, text]);
      asked.destroy();
    });
    asked.flushHeaders();
  });
}

function put2(port: number): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    session.on('error', reject);
    const headers = {
      ':method': 'PUT',
      ':path': '/',
      ':authority': 'api',
      'content-length': 5,
      expect: '100-continue',
    };
    const stream = session.request(headers, { endStream: false });
    stream.on('error', reject);
    stream.on('continue', () => stream.end('hello'));
    let status = 0;
    let text = '';
    stream.on('response', (fields) => {
      status = fields[':status']!;
    });
    stream.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    stream.on('end', () => {
      session.destroy();
      resolve([status, text]);
    });
  });
}
