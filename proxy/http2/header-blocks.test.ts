import t from 'tap';

import { data, frame, headers, literals, ping, settings } from '../../test/support/http2-frames.ts';
import { Talk } from '../../test/support/http2-talk.ts';
import { MemoryWire } from '../../test/support/memory-wire.ts';
import { writeHeaders } from './frame-writer.ts';
import * as h2 from './wire-vocabulary.ts';

const GET = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'a'];
const { END_HEADERS, END_STREAM } = { END_HEADERS: h2.FLAG_END_HEADERS, END_STREAM: h2.FLAG_END_STREAM };

t.test('a block may come in pieces, the end of the stream with the first of them', async (t) => {
  const block = literals(GET);
  const talk = new Talk('server');
  for (let cut = 0; cut <= block.length; cut++) {
    const id = 2 * cut + 1;
    talk.says(frame(h2.HEADERS, cut % 2 ? END_STREAM : 0, id, block.subarray(0, cut)));
    t.equal(talk.exchanges.length, cut, 'not before it is whole');
    talk.says(frame(h2.CONTINUATION, END_HEADERS, id, block.subarray(cut)));
  }
  t.same(
    talk.heard,
    Array.from(talk.exchanges, (_, cut) => [`request GET /${cut % 2 ? ' end' : ''}`]),
  );
});

t.test('a block of many pieces grows as they come', async (t) => {
  const fields = [...GET, ...Array.from({ length: 100 }, (_, i) => [`x-${i}`, 'v'.repeat(100)]).flat()];
  const block = literals(fields);
  const talk = new Talk('server');
  talk.says(frame(h2.HEADERS, END_STREAM, 1));
  for (let at = 0; at < block.length; at += 1000) {
    const last = at + 1000 >= block.length;
    talk.says(frame(h2.CONTINUATION, last ? END_HEADERS : 0, 1, block.subarray(at, at + 1000)));
  }
  t.same(talk.exchanges[0]?.head.fields, fields.slice(8));
});

t.test('nothing may come between the frames of a block', async (t) => {
  for (const between of [
    ping(0, '12345678'),
    settings(),
    data(1, ''),
    headers(3, GET, true),
    frame(h2.PRIORITY, 0, 1, [0, 0, 0, 0, 0]),
    frame(h2.RST_STREAM, 0, 1, [0, 0, 0, 0]),
    frame(h2.GOAWAY, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]),
    frame(h2.WINDOW_UPDATE, 0, 0, [0, 0, 0, 1]),
    frame(0xbe, 0, 0),
  ]) {
    const talk = new Talk('server');
    t.same(talk.says(frame(h2.HEADERS, 0, 1), between), ['GOAWAY 0 1'], `type ${between[3]}`);
    t.same(talk.failure, [h2.PROTOCOL_ERROR, 'header_block_interrupted']);
  }
});

t.test('CONTINUATION belongs to the stream whose block is open', async (t) => {
  const unexpected = [h2.PROTOCOL_ERROR, 'continuation_unexpected'];
  for (const frames of [
    [frame(h2.CONTINUATION, END_HEADERS, 1, literals(GET))],
    [frame(h2.HEADERS, 0, 1), frame(h2.CONTINUATION, END_HEADERS, 3, literals(GET))],
    [frame(h2.HEADERS, 0, 3), frame(h2.CONTINUATION, END_HEADERS, 1, literals(GET))],
    [headers(1, GET, false), frame(h2.CONTINUATION, END_HEADERS, 1)],
  ]) {
    const talk = new Talk('server');
    talk.says(...frames);
    t.same(talk.failure, unexpected);
  }
});

t.test('a block may be 16,384 octets larger than the list that is accepted', async (t) => {
  const talk = (octets: number) => {
    const all = new Talk('server', { maxHeaderListSize: 1000 });
    all.says(frame(h2.HEADERS, 0, 1, Buffer.alloc(16_384, 0x82)));
    all.says(frame(h2.CONTINUATION, 0, 1, Buffer.alloc(octets - 16_384, 0x82)));
    return all.failure;
  };
  t.equal(talk(17_384), null);
  t.same(talk(17_385), [h2.ENHANCE_YOUR_CALM, 'continuation_flood']);
});

t.test('an empty CONTINUATION may end a block, but not go on', async (t) => {
  const talk = new Talk('server');
  talk.says(frame(h2.HEADERS, 0, 1, literals(GET)), frame(h2.CONTINUATION, END_HEADERS, 1));
  t.same(talk.heard, [['request GET /']]);
  talk.says(frame(h2.HEADERS, 0, 3, literals(GET)), frame(h2.CONTINUATION, 0, 3));
  t.same(talk.failure, [h2.ENHANCE_YOUR_CALM, 'continuation_flood']);
});

t.test('the five octets of a priority are no part of the block', async (t) => {
  const talk = new Talk('server');
  const priority = [0x80, 0, 0, 9, 255];
  talk.says(frame(h2.HEADERS, END_HEADERS | h2.FLAG_PRIORITY, 1, [...priority, ...literals(GET)]));
  const block = literals(GET);
  const padded = [3, ...priority, ...block.subarray(0, 9), 0, 0, 0];
  talk.says(
    frame(h2.HEADERS, h2.FLAG_PADDED | h2.FLAG_PRIORITY, 3, padded),
    frame(h2.CONTINUATION, END_HEADERS, 3, block.subarray(9)),
  );
  t.same(talk.heard, [['request GET /'], ['request GET /']]);
});

t.test('a list that is too large is answered 431, and the connection goes on', async (t) => {
  const talk = new Talk('server', { maxHeaderListSize: 400 });
  const large = [...GET, 'x', 'v'.repeat(120), 'y', 'v'.repeat(120)];
  t.same(talk.says(headers(1, large, true)), ['HEADERS 1 END_STREAM 48033433310f0d0130']);
  t.same(talk.says(headers(3, large, false)).slice(1), ['RST_STREAM 3 0'], 'and needs no body');
  t.same(talk.limits, ['header_list_too_large', 'header_list_too_large']);
  t.equal(talk.connection.streamCount, 0);
  talk.says(headers(5, GET, true));
  t.same(talk.heard, [['request GET / end']], 'it alone was heard of');
});

t.test('as many fields as are accepted are read, one more is too large a list', async (t) => {
  const talk = new Talk('server', { maxHeaderFields: 5 });
  talk.says(headers(1, [...GET, 'a', 'b'], true));
  t.equal(talk.exchanges.length, 1);
  talk.says(headers(3, [...GET, 'a', 'b', 'c', 'd'], true));
  t.same([talk.exchanges.length, talk.limits], [1, ['header_list_too_large']]);
});

t.test('an answer or trailers that are too large cost their stream', async (t) => {
  const large = Array.from({ length: 4 }, () => ['x', 'v'.repeat(100)]).flat();
  const client = new Talk('client', { maxHeaderListSize: 400 });
  client.ask();
  client.written();
  t.same(client.says(headers(1, [':status', '200', ...large], false)), ['RST_STREAM 1 11']);
  t.same([client.heard, client.limits], [[['reset 11']], ['header_list_too_large']]);
  const server = new Talk('server', { maxHeaderListSize: 400 });
  server.says(headers(1, GET, false));
  t.same(server.says(headers(1, large, true)), ['RST_STREAM 1 11']);
});

t.test('a block that cannot be decoded ends the connection', async (t) => {
  const talk = new Talk('server');
  t.same(talk.says(frame(h2.HEADERS, END_HEADERS, 1, [0xbe])), ['GOAWAY 0 9']);
  t.same(talk.failure, [h2.COMPRESSION_ERROR, 'header_block_invalid']);
});

t.test('a block that stays the same is the same after others, and means what the table says', async (t) => {
  const talk = new Talk('client');
  const answer = (hex: string) => {
    const { stream } = talk.ask();
    talk.says(frame(h2.HEADERS, END_HEADERS | END_STREAM, stream.id, Buffer.from(hex, 'hex')));
    return talk.heard.at(-1)!.join();
  };
  for (let i = 0; i < 40; i++) {
    if (i % 10 === 0) answer(`884001780130`.replace('30', `3${i / 10}`));
    t.equal(answer('88be'), `response 200 x ${Math.floor(i / 10)} end`);
  }
});

t.test('what is written is read back by whoever keeps the table, the second and the twentieth time too', async (t) => {
  const server = new Talk('server');
  const client = new Talk('client');
  const head = { fields: ['x-a', '1', 'x-b', '2'] };
  for (let i = 0; i < 20; i++) {
    client.ask(i % 7 === 6 ? { fields: ['x-c', `${i}`] } : head);
    const octets = client.wire.take();
    server.connection.receive(octets, 0, octets.length);
    t.same(server.exchanges.at(-1)!.head.fields, i % 7 === 6 ? ['x-c', `${i}`] : head.fields);
  }
});

t.test('a head of 64 KiB and more arrives octet by octet', async (t) => {
  const fields = [...GET, ...Array.from({ length: 60 }, (_, i) => [`x-${i}`, 'v'.repeat(1000)]).flat()];
  const long = (text: string) => {
    const rest = text.length - 127;
    const length = text.length < 127 ? [text.length] : [127, (rest & 127) | 128, rest >> 7];
    return [...length, ...Buffer.from(text)];
  };
  const block = Uint8Array.from(fields.flatMap((text, i) => [...(i % 2 === 0 ? [0] : []), ...long(text)]));
  const wire = new MemoryWire();
  writeHeaders(wire, 1, block, block.length, true, 16_384);
  const octets = wire.take();
  const talk = new Talk('server');
  for (let at = 0; at < octets.length; at++) talk.connection.receive(octets, at, at + 1);
  t.same([talk.failure, talk.exchanges[0]?.head.fields], [null, fields.slice(8)]);
});
