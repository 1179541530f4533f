import t from 'tap';

import { MemoryWire } from '../../test/support/memory-wire.ts';
import { Recorder } from '../../test/support/recorder.ts';
import { Connection } from './connection.ts';
import type { ConnectionListener } from './connection-listener.ts';
import { DEFAULT_CONNECTION_OPTIONS } from './connection-options.ts';
import type { RequestHead, StreamListener } from './message.ts';
import type { Stream } from './stream.ts';
import * as h2 from './wire-vocabulary.ts';

const latin1 = (bytes: Uint8Array, start: number, end: number) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);

class Peer implements ConnectionListener {
  readonly wire = new MemoryWire();
  readonly connection: Connection;
  readonly requests: { stream: Stream; head: RequestHead; end: boolean; recorder: Recorder }[] = [];
  failure = '';
  goAways = 0;
  constructor(role: 'client' | 'server', options = {}) {
    this.connection = new Connection(role, this.wire, this, latin1, { ...DEFAULT_CONNECTION_OPTIONS, ...options });
  }
  onRequest(stream: Stream, head: RequestHead, end: boolean): StreamListener {
    const recorder = new Recorder();
    recorder.stream = stream;
    this.requests.push({ stream, head, end, recorder });
    return recorder;
  }
  onGoAway(): void {
    this.goAways++;
  }
  onStreamEnd(): void {}
  onRoom(): void {}
  onPong(): void {}
  onLimit(): void {}
  onFailed(_code: number, reason: string): void {
    this.failure = reason;
  }
  open(head: Partial<RequestHead>, last: boolean): { stream: Stream; recorder: Recorder } {
    const recorder = new Recorder();
    const stream = this.connection.open(recorder);
    recorder.stream = stream;
    stream.sendRequest(
      { method: 'GET', scheme: 'http', authority: 'api', path: '/', protocol: '', fields: [], ...head },
      last,
    );
    return { stream, recorder };
  }
}

/** Carries octets both ways until both are silent, in chunks of `size`. */
function settle(a: Peer, b: Peer, size = 1 << 30): void {
  for (let quiet = false; !quiet; ) {
    quiet = true;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const bytes = from.wire.take();
      for (let at = 0; at < bytes.length; at += size)
        to.connection.receive(bytes, at, Math.min(bytes.length, at + size));
      if (bytes.length > 0) quiet = false;
    }
  }
}

function pair(options = {}): { client: Peer; server: Peer } {
  const client = new Peer('client', options);
  const server = new Peer('server', options);
  settle(client, server);
  return { client, server };
}

t.test('carries a request and its answer', async (t) => {
  const { client, server } = pair();
  const { recorder } = client.open({ path: '/users?q=1', fields: ['accept', 'text/plain'] }, true);
  settle(client, server);
  const request = server.requests[0]!;
  t.match(request.head, {
    method: 'GET',
    scheme: 'http',
    authority: 'api',
    path: '/users?q=1',
    fields: ['accept', 'text/plain'],
  });
  t.equal(request.end, true);
  request.stream.sendResponse({ status: 200, fields: ['content-type', 'text/plain'] }, false);
  request.stream.sendData(Buffer.from('hello'), 0, 5, true);
  settle(client, server);
  t.same(recorder.heard, ['response 200 content-type text/plain', 'data hello end']);
  t.equal(client.connection.streamCount, 0);
  t.equal(server.connection.streamCount, 0);
});

t.test('hears the same whether octets come one at a time or all at once', async (t) => {
  const outcomes: unknown[] = [];
  for (const size of [1, 2, 3, 7, 100, 1 << 20]) {
    const client = new Peer('client');
    const server = new Peer('server');
    settle(client, server, size);
    const { stream, recorder } = client.open({ method: 'POST', fields: ['x', 'y'.repeat(300)] }, false);
    stream.sendData(Buffer.alloc(40_000, 'a'), 0, 40_000, false);
    stream.sendTrailers(['grpc-status', '0']);
    settle(client, server, size);
    const request = server.requests[0]!;
    request.stream.sendResponse({ status: 103, fields: ['link', '</a>'] }, false);
    request.stream.sendResponse({ status: 200, fields: [] }, false);
    request.stream.sendData(Buffer.alloc(70_000, 'b'), 0, 70_000, false);
    request.stream.sendTrailers(['grpc-status', '13']);
    settle(client, server, size);
    outcomes.push([request.head, request.recorder.heard, recorder.heard]);
  }
  for (const outcome of outcomes) t.same(outcome, outcomes[0]);
});

t.test('sends no more than the reader has granted, and the rest when it has', async (t) => {
  const { client, server } = pair();
  const { stream, recorder } = client.open({ method: 'POST' }, false);
  settle(client, server);
  const request = server.requests[0]!;
  request.recorder.grants = false;
  const sent = stream.sendData(Buffer.alloc(200_000, 'a'), 0, 200_000, true);
  t.equal(sent, 65_535, 'one window leaves at once');
  settle(client, server);
  t.equal(recorder.sent, 0);
  for (let granted = 0; granted < 200_000; granted += 50_000) {
    request.stream.grant(50_000);
    settle(client, server);
  }
  t.equal(recorder.sent, 200_000 - 65_535);
  t.match(request.recorder.heard[0], / end$/);
});

t.test('copies what it queues, so that the octets handed in may be used again', async (t) => {
  const { client, server } = pair();
  const { stream } = client.open({ method: 'POST' }, false);
  client.wire.blocked = true;
  const octets = Buffer.from('before');
  t.equal(stream.sendData(octets, 0, 6, true), 0);
  octets.fill('x');
  client.wire.blocked = false;
  client.connection.onWritable();
  settle(client, server);
  t.same(server.requests[0]!.recorder.heard, ['data before end']);
});

t.test('lets a stalled stream hold back nobody else', async (t) => {
  const { client, server } = pair();
  for (let i = 0; i < 40; i++)
    client.open({ method: 'POST' }, false).stream.sendData(Buffer.alloc(65_535), 0, 65_535, false);
  settle(client, server);
  for (const request of server.requests) request.recorder.grants = false;
  const { stream } = client.open({ method: 'POST', path: '/last' }, false);
  t.equal(stream.sendData(Buffer.alloc(65_535), 0, 65_535, true), 65_535);
  settle(client, server);
  t.match(server.requests.at(-1)!.recorder.heard.at(-1), / end$/);
});

t.test('accepts an upgrade by extended CONNECT as 101', async (t) => {
  const { client, server } = pair();
  const { recorder, stream } = client.open({ protocol: 'websocket', path: '/chat' }, false);
  settle(client, server);
  const request = server.requests[0]!;
  t.match(request.head, { method: 'GET', protocol: 'websocket', path: '/chat' });
  request.stream.sendResponse({ status: 101, fields: ['sec-websocket-accept', 'x'] }, false);
  stream.sendData(Buffer.from('ping'), 0, 4, false);
  settle(client, server);
  t.same(recorder.heard, ['response 101 sec-websocket-accept x']);
  t.same(request.recorder.heard, ['data ping']);
});

t.test('tells an ignored upgrade from an accepted one', async (t) => {
  const { client, server } = pair();
  const { recorder } = client.open({ protocol: 'websocket' }, false);
  settle(client, server);
  server.requests[0]!.stream.sendResponse({ status: 200, fields: ['a', 'b'] }, true);
  settle(client, server);
  t.same(recorder.heard, ['response 200 a b end']);
});

t.test('keeps the case of names only between our own proxies', async (t) => {
  const { client, server } = pair({ keepCase: true });
  client.open({ fields: ['X-Request-ID', '1'] }, true);
  settle(client, server);
  t.same(server.requests[0]!.head.fields, ['X-Request-ID', '1']);
  const strict = new Peer('server');
  const loose = new Peer('client', { keepCase: true });
  settle(loose, strict);
  const { recorder } = loose.open({ fields: ['X-Request-ID', '1'] }, true);
  settle(loose, strict);
  t.same(recorder.heard, [`reset ${h2.PROTOCOL_ERROR}`]);
});

t.test('drains in two steps and takes what was under way', async (t) => {
  const { client, server } = pair();
  const { recorder } = client.open({}, true);
  settle(client, server);
  server.connection.shutdown();
  settle(client, server);
  t.ok(client.goAways >= 1);
  t.notOk(client.connection.hasRoom);
  server.requests[0]!.stream.sendResponse({ status: 204, fields: [] }, true);
  settle(client, server);
  t.same(recorder.heard, ['response 204  end']);
  t.ok(server.wire.closed);
});

t.test('resets streams that the peer never processed as safe to try again', async (t) => {
  const { client, server } = pair();
  const { recorder } = client.open({}, true);
  client.wire.take();
  server.connection.fail(h2.NO_ERROR, 'test');
  settle(client, server);
  t.same(recorder.heard, [`reset ${h2.REFUSED_STREAM}`]);
});

t.test('carries a header list of 60 KiB in CONTINUATION frames and refuses one of 70', async (t) => {
  const { client, server } = pair();
  const fields = (octets: number) =>
    Array.from({ length: octets / 1000 }, (_, i) => [`x-${i}`, '\xff'.repeat(960)]).flat();
  client.open({ fields: fields(60_000) }, true);
  settle(client, server);
  t.equal(server.requests[0]!.head.fields.length, 120);
  const { recorder } = client.open({ fields: fields(70_000) }, true);
  settle(client, server);
  t.match(recorder.heard[0], 'response 431');
});

const frame = (type: number, flags: number, stream: number, payload: number[] = []) =>
  Uint8Array.of(0, payload.length >> 8, payload.length & 255, type, flags, 0, 0, 0, stream, ...payload);
const GET = [0x82, 0x86, 0x84, 0x41, 0x01, 0x61];

t.test('fails a connection that breaks the rules, and says which', async (t) => {
  const cases: [string, Uint8Array[]][] = [
    ['headers_on_stream_0', [frame(h2.HEADERS, 5, 0, GET)]],
    ['stream_id_invalid', [frame(h2.HEADERS, 5, 2, GET)]],
    ['data_on_stream_0', [frame(h2.DATA, 0, 0, [1])]],
    ['data_on_idle_stream', [frame(h2.DATA, 0, 5, [1])]],
    ['rst_stream_on_idle_stream', [frame(h2.RST_STREAM, 0, 5, [0, 0, 0, 0])]],
    ['window_update_on_idle_stream', [frame(h2.WINDOW_UPDATE, 0, 5, [0, 0, 0, 1])]],
    ['window_update_zero', [frame(h2.WINDOW_UPDATE, 0, 0, [0, 0, 0, 0])]],
    ['window_overflow', [frame(h2.WINDOW_UPDATE, 0, 0, [0x7f, 255, 255, 255])]],
    ['settings_on_a_stream', [frame(h2.SETTINGS, 0, 1)]],
    ['settings_size', [frame(h2.SETTINGS, 0, 0, [1])]],
    ['settings_ack_size', [frame(h2.SETTINGS, 1, 0, [0, 1, 0, 0, 0, 0])]],
    ['enable_push_invalid', [frame(h2.SETTINGS, 0, 0, [0, 2, 0, 0, 0, 2])]],
    ['initial_window_invalid', [frame(h2.SETTINGS, 0, 0, [0, 4, 128, 0, 0, 0])]],
    ['max_frame_size_invalid', [frame(h2.SETTINGS, 0, 0, [0, 5, 0, 0, 0, 1])]],
    ['ping_size', [frame(h2.PING, 0, 0, [1])]],
    ['ping_on_a_stream', [frame(h2.PING, 0, 1, [1, 2, 3, 4, 5, 6, 7, 8])]],
    ['goaway_size', [frame(h2.GOAWAY, 0, 0, [1])]],
    ['push_promise', [frame(h2.PUSH_PROMISE, 4, 1, [0, 0, 0, 2])]],
    ['continuation_unexpected', [frame(h2.CONTINUATION, 4, 1, GET)]],
    ['header_block_interrupted', [frame(h2.HEADERS, 1, 1, GET), frame(h2.PING, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8])]],
    ['continuation_flood', [frame(h2.HEADERS, 1, 1, GET), frame(h2.CONTINUATION, 0, 1)]],
    ['header_block_invalid', [frame(h2.HEADERS, 5, 1, [0x80])]],
    ['headers_on_closed_stream', [frame(h2.HEADERS, 5, 3, GET), frame(h2.HEADERS, 5, 1, GET)]],
    ['headers_padding_too_large', [frame(h2.HEADERS, 13, 1, [9, 0x82])]],
    ['data_padding_too_large', [frame(h2.HEADERS, 4, 1, GET), frame(h2.DATA, 8, 1, [9, 1])]],
    ['rst_stream_size', [frame(h2.RST_STREAM, 0, 1, [0])]],
    ['window_update_size', [frame(h2.WINDOW_UPDATE, 0, 0, [0])]],
    ['frame_too_large', [Uint8Array.of(0, 64, 1, 0, 0, 0, 0, 0, 1)]],
  ];
  for (const [reason, frames] of cases) {
    const server = new Peer('server');
    const client = new Peer('client');
    settle(client, server);
    for (const each of frames) server.connection.receive(each, 0, each.length);
    t.equal(server.failure, reason);
    t.ok(server.wire.closed);
  }
  for (const [reason, bytes] of [
    ['preface_invalid', Buffer.from('GET / HTTP/1.1\r\n')],
    ['settings_not_first', Buffer.concat([Buffer.from(h2.PREFACE), frame(h2.PING, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8])])],
  ] as const) {
    const server = new Peer('server');
    server.connection.receive(bytes, 0, bytes.length);
    t.equal(server.failure, reason);
  }
});

t.test('delivers nothing of a body that is longer or shorter than declared, however it is split', async (t) => {
  for (const octets of [4, 6]) {
    for (const size of [1, 14, 1 << 20]) {
      const { client, server } = pair();
      const { recorder, stream } = client.open({ method: 'POST', fields: ['content-length', '5'] }, false);
      stream.sendData(Buffer.alloc(octets, 'x'), 0, octets, true);
      settle(client, server, size);
      t.same(server.requests[0]!.recorder.heard, [`reset ${h2.PROTOCOL_ERROR}`]);
      t.same(recorder.heard, [`reset ${h2.PROTOCOL_ERROR}`]);
    }
  }
});

t.test('takes Host for the authority, once', async (t) => {
  const { client, server } = pair({ keepCase: true });
  client.open({ fields: ['a', '1', 'host', 'API', 'b', '2'] }, true);
  client.open({ authority: '', fields: ['Host', 'web'] }, true);
  settle(client, server);
  t.match(server.requests[0]!.head, { authority: 'api', fields: ['a', '1', 'b', '2'] });
  t.match(server.requests[1]!.head, { authority: 'web', fields: { length: 0 } });
});

t.test('fails at the header of a frame that is too large, in whatever pieces it comes', async (t) => {
  for (const size of [1, 4, 9]) {
    const { server } = pair();
    const header = Uint8Array.of(0, 64, 1, h2.DATA, h2.FLAG_PADDED, 0, 0, 0, 1);
    for (let at = 0; at < 9; at += size) server.connection.receive(header, at, Math.min(9, at + size));
    t.equal(server.failure, 'frame_too_large');
  }
});

t.test('refuses malformed requests with a stream error and lives on', async (t) => {
  const { client, server } = pair({ keepCase: true });
  for (const [name, head] of [
    ['a connection-specific field', { fields: ['connection', 'close'] }],
    ['te other than trailers', { fields: ['te', 'gzip'] }],
    ['a line break in a value', { fields: ['a', 'b\r\nc'] }],
    ['an empty name', { fields: ['', 'b'] }],
    ['a body without its length', { method: 'POST', fields: ['content-length', '5'] }],
    ['two lengths', { method: 'POST', fields: ['content-length', '5', 'content-length', '6'] }],
    ['a control character in a value', { fields: ['a', 'b\x1b'] }],
    ['a path without a slash', { path: 'x' }],
    ['a path with a space', { path: '/x HTTP/1.1' }],
    ['a path with a fragment', { path: '/x#y' }],
    ['a scheme with a space', { scheme: 'http x' }],
    ['an authority with user information', { authority: 'user@api' }],
    ['the same length twice', { method: 'POST', fields: ['content-length', '0', 'Content-Length', '0'] }],
    ['an authority with two ports', { authority: 'api:1:2' }],
    ['a trailer that frames', { fields: ['trailer', 'x, content-length'] }],
    ['an authority with a path', { authority: 'api/x' }],
    ['a Host that is not the authority', { fields: ['host', 'other'] }],
    ['a Host that is not the authority, in capitals', { fields: ['Host', 'other'] }],
  ] as const) {
    const { recorder } = client.open(head, true);
    settle(client, server);
    t.same(recorder.heard, [`reset ${h2.PROTOCOL_ERROR}`], name);
  }
  client.open({ path: '/fine' }, true);
  settle(client, server);
  t.equal(server.requests.at(-1)?.head.path, '/fine');
});
