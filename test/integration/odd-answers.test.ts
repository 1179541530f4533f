/** Answers that other proxies deliver although they are not quite as RFC 9112 has them, and those that nobody can read. */
import * as net from 'node:net';
import t, { type Test } from 'tap';

import { request } from '../support/http-request.ts';
import { openWays } from '../support/ways.ts';

/** What clients get of an application that answers with `octets`, through one proxy and through two. */
async function answered(t: Test, octets: string) {
  const application = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(octets, 'latin1'));
  });
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
  const { port } = application.address() as net.AddressInfo;
  t.teardown(() => application.close());
  const {
    ports: { one, two },
    proxies: { plain, server },
  } = await openWays(t, port);
  const seen: Record<string, Awaited<ReturnType<typeof request>>> = {};
  for (const [way, each] of Object.entries({ one, two })) seen[way] = await request(each);
  return { seen: Object.entries(seen), proxies: { one: plain, two: server } };
}

const READ: Readonly<Record<string, readonly [octets: string, status: number, body: string]>> = {
  'a chunk size with zeros before it': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000000005\r\nhello\r\n00000000000000000000\r\n\r\n',
    200,
    'hello',
  ],
  'a chunk size with blanks after it': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5  \r\nhello\r\n0 \t\r\n\r\n',
    200,
    'hello',
  ],
  'a status of no class': ['HTTP/1.1 799 What\r\nContent-Length: 5\r\n\r\nhello', 799, 'hello'],
  'bare line feeds': ['HTTP/1.1 200 OK\nContent-Length: 5\n\nhello', 200, 'hello'],
  'bare line feeds in chunks': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\nx-a: b\n\n',
    200,
    'hello',
  ],
  'both line ends': ['HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello', 200, 'hello'],
  'a length twice': ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello', 200, 'hello'],
  'a blank before a colon': ['HTTP/1.1 200 OK\r\nX-Odd : yes\r\nContent-Length : 5\r\n\r\nhello', 200, 'hello'],
};

for (const [what, [octets, status, body]] of Object.entries(READ))
  t.test(`${what} is read`, async (t) => {
    for (const [way, answer] of (await answered(t, octets)).seen) {
      t.same([answer.status, `${answer.body}`], [status, body], way);
      if (octets.includes('X-Odd')) t.equal(answer.headers['x-odd'], 'yes', `${way}: the blank is removed`);
    }
  });

const UNREADABLE: Readonly<Record<string, string>> = {
  'no HTTP': 'hello\r\n\r\n',
  'two lengths that differ': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!',
  'a length and chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a name that is none': 'HTTP/1.1 200 OK\r\nx y: z\r\nContent-Length: 0\r\n\r\n',
  'an unknown coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello',
};

for (const [what, octets] of Object.entries(UNREADABLE))
  t.test(`${what} is told as an answer that cannot be read, and counted`, async (t) => {
    const { seen, proxies } = await answered(t, octets);
    for (const [way, answer] of seen) {
      t.equal(answer.status, 502, way);
      t.equal(answer.headers['weft-proxy-error'], 'response_malformed', way);
      t.match(proxies[way as 'one' | 'two'].metrics.registry.text(), /error="response_malformed"/, way);
    }
  });
