import type { Random } from '../../../core/testing/random.ts';
import { ClientConnection } from '../../../proxy/http1/client-connection.ts';
import { DEAF } from '../../../proxy/http1/message.ts';
import { contentLength, readRequest } from '../../../proxy/http2/header-rules.ts';
import { decodeLatin1 } from '../../../proxy/transport/latin1.ts';
import { MemoryWire } from '../../support/memory-wire.ts';
import { type Forwarded, targetOf } from './forward.ts';
import { canonical } from './message.ts';

/** A random, mostly hostile request of HTTP/2, and how it goes on as HTTP/1 where the engine accepts it. */
export function downgrade(random: Random): { fields: string[]; forwarded: Forwarded } {
  const fields = headerList(random);
  const refused = (reason: string) => ({
    fields,
    forwarded: { refused: reason, messages: [], transcripts: [], hasRest: false },
  });
  const head = readRequest(fields, random.oneIn(2));
  if (typeof head === 'string') return refused(head);
  const isTunnel = head.method === 'CONNECT' || head.protocol !== '';
  const length = contentLength(fields);
  if (length === -2 || length > 1000) return refused('content_length_invalid');
  const body = 'GET /smuggled HTTP/1.1\r\n\r\n'
    .repeat(50)
    .slice(0, isTunnel ? 0 : length >= 0 ? length : random.pick([0, 0, 5, 100]));
  const trailers = body !== '' && length < 0 && random.oneIn(3) ? ['x-sum', '1'] : [];
  const version = random.pick(VERSIONS);

  const wire = new MemoryWire();
  const stream = new ClientConnection(wire, { onIdle() {}, onEnding() {} }, decodeLatin1).open(DEAF);
  stream.sendRequest({ ...head, version }, body === '' && !isTunnel);
  const isLast = trailers.length === 0;
  if (body !== '') stream.sendData(Buffer.from(body), 0, body.length, isLast);
  if (!isLast) stream.sendTrailers(trailers);
  const kept = isTunnel ? without(head.fields, 'content-length') : head.fields;
  const [target, host] = [targetOf({ ...head, version }), head.authority];
  const message = canonical({ method: head.method, target, host, fields: kept, body, trailers });
  const transcript = { octets: Buffer.from(wire.take()), messages: [message] };
  return { fields, forwarded: { refused: '', messages: [], transcripts: [transcript], hasRest: false } };
}

function headerList(random: Random): string[] {
  const odd = random.below(8);
  const fields: string[] = [];
  const add = (name: string, fine: readonly string[], hostile: readonly string[], i: number) =>
    fields.push(name, random.pick(odd === i ? hostile : fine));
  add(
    ':method',
    ['GET', 'POST', 'PUT'],
    ['CONNECT', 'GET ', 'G\r\nT', 'GET / HTTP/1.1\r\nX: ', '', 'get', 'OPTIONS'],
    0,
  );
  if (fields[1] !== 'CONNECT' || random.oneIn(2)) {
    add(':scheme', ['http', 'https'], ['http://x/ HTTP/1.1\r\n', 'a b', '', 'ftp', 'HTTP'], 1);
    add(':path', ['/', '/a?b=c'], HOSTILE_PATHS, 2);
  }
  if (!random.oneIn(6)) add(':authority', ['web', 'web:80', '[::1]:80'], HOSTILE_AUTHORITIES, 3);
  if (odd === 4)
    fields.push(random.pick([':protocol', ':host', ':path', ':method']), random.pick(['websocket', 'x\r\ny', '/']));
  for (let count = random.below(4); count > 0; count--) fields.push(...random.pick(HOSTILE_FIELDS));
  return fields;
}

function without(fields: readonly string[], name: string): string[] {
  return fields.filter((_, i) => fields[i & ~1]!.toLowerCase() !== name);
}

const VERSIONS = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/1.1; absolute-form'];
const HOSTILE_PATHS = [
  '/a HTTP/1.1',
  '/a\tb',
  '/\r\nHost: b',
  '/\x00',
  '',
  '*',
  'x',
  '/#',
  '/\x7f',
  '//a',
  'http://a/',
  '/\xe4',
  '/?a b',
  '/%zz',
];
const HOSTILE_AUTHORITIES = ['', 'a b', 'a\r\nX: y', 'u@a', 'a/b', 'a,b', 'a?b', 'a#', '\xe4', 'a:b', 'A', '[::1'];
const HOSTILE_FIELDS: readonly [string, string][] = [
  ['a', 'b'],
  ['A', 'b'],
  ['host', 'web'],
  ['host', 'evil'],
  ['Host', 'evil'],
  ['content-length', '0'],
  ['content-length', '5'],
  ['content-length', '+5'],
  ['Content-Length', '6'],
  ['content-length', '5, 5'],
  ['transfer-encoding', 'chunked'],
  ['Transfer-Encoding', 'chunked'],
  ['transfer-encoding ', 'chunked'],
  ['connection', 'close'],
  ['te', 'trailers'],
  ['te', 'gzip'],
  ['a', 'b\r\nContent-Length: 5'],
  ['a\r\nb', 'c'],
  ['a: b', 'c'],
  ['a ', 'b'],
  ['a', ' b'],
  ['a', '\x01'],
  ['a', 'b\tc'],
  ['a', '\xff'],
  ['', 'a'],
  [':a', 'b'],
  ['weft-connection', 'close'],
  ['expect', '100-continue'],
  ['trailer', 'x-sum'],
  ['upgrade', 'x'],
  ['cookie', 'a=b'],
  ['trailer', 'content-length'],
  ['keep-alive', '1'],
  ['proxy-connection', 'close'],
  ['l5d-orig-proto', 'HTTP/1.0'],
];
