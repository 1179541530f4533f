import type { Random } from '../../../core/testing/random.ts';
import { BodyReader } from '../../../proxy/http1/body-reader.ts';
import { ClientConnection } from '../../../proxy/http1/client-connection.ts';
import { BODY_CHUNKED } from '../../../proxy/http1/head-reader.ts';
import { ServerConnection } from '../../../proxy/http1/server-connection.ts';
import type { ServerStream } from '../../../proxy/http1/server-stream.ts';
import { decodeLatin1 } from '../../../proxy/transport/latin1.ts';
import { mutated, wellFormed } from '../../conformance/http1/request-generator.ts';
import { MemoryWire } from '../../support/memory-wire.ts';
import { Recorder } from '../../support/recorder.ts';
import { damage, inPieces, type Target } from '../target.ts';

/** Requests on a server's connection; each is answered as soon as it is whole. */
export const http1Request: Target = {
  make: (random) => damage(Buffer.from(random.oneIn(2) ? mutated(random) : wellFormed(random), 'latin1'), random),
  run(octets, ends) {
    const wire = new MemoryWire();
    const heard: unknown[] = [];
    let whole: ServerStream | null = null;
    const connection = new ServerConnection(
      wire,
      {
        onRequest(stream, head, end) {
          const recorder = new Recorder();
          recorder.stream = stream;
          heard.push([head, end, recorder.heard]);
          if (end || head.method === 'CONNECT' || head.protocol !== '') whole = stream;
          const { onData, onTrailers } = recorder;
          recorder.onData = (bytes, start, stop, last) => {
            onData.call(recorder, bytes, start, stop, last);
            if (last) whole = stream;
          };
          recorder.onTrailers = (fields) => {
            onTrailers.call(recorder, fields);
            whole = stream;
          };
          return recorder;
        },
        onMalformed(reason) {
          heard.push(reason);
          return [];
        },
        onLimit: (limit) => void heard.push(limit),
      },
      decodeLatin1,
    );
    const answer = () => {
      for (let stream = whole; stream; stream = whole) {
        whole = null;
        stream.sendResponse({ status: 204, fields: [] }, true);
      }
    };
    inPieces(ends, (start, end) => {
      connection.receive(octets, start, end);
      answer();
    });
    connection.onEnd();
    answer();
    connection.onClosed();
    return JSON.stringify([heard, wire.takeText(), wire.closed]);
  },
};

/** A chunked body. */
export const http1Body: Target = {
  make(random) {
    const text = random.oneIn(2) ? mutated(random) : wellFormed(random);
    const at = text.search(/\r\n\r\n[0-9a-fA-F]+/);
    const body = at < 0 ? '5;a="b"\r\nhello\r\n0\r\nX: y\r\n\r\n' : text.slice(at + 4);
    return damage(Buffer.from(body, 'latin1'), random);
  },
  run(octets, ends) {
    const heard: unknown[] = [];
    let body = '';
    const reader = new BodyReader(
      {
        onBody(bytes, start, end, last) {
          body += decodeLatin1(bytes, start, end);
          if (last) heard.push('end');
        },
        onBodyTrailers: (fields) => void heard.push(fields),
      },
      decodeLatin1,
    );
    reader.begin(BODY_CHUNKED, 0);
    let taken = 0;
    inPieces(ends, (start, end) => {
      if (reader.done || heard.at(-1) === 'fault') return;
      const next = reader.read(octets, start, end);
      if (typeof next === 'string') heard.push(next, 'fault');
      else {
        if (next < start || next > end || (next < end && !reader.done))
          throw new Error(`took ${next} of ${start}..${end}`);
        taken = next;
      }
    });
    return JSON.stringify([heard, body, reader.done, reader.done ? taken : 0]);
  },
};

/** Answers on a client's connection. The first octet says what was asked. */
export const http1Response: Target = {
  make: (random) => damage(Buffer.from(String.fromCharCode(random.below(5)) + answers(random), 'latin1'), random),
  run(octets, ends) {
    const wire = new MemoryWire();
    const events: string[] = [];
    const connection = new ClientConnection(
      wire,
      { onIdle: () => events.push('idle'), onEnding: () => events.push('ending') },
      decodeLatin1,
    );
    const recorder = new Recorder();
    const stream = connection.open(recorder);
    recorder.stream = stream;
    const asked = ASKED[(octets[0] ?? 0) % ASKED.length]!;
    const isTunnel = asked.method === 'CONNECT' || asked.protocol !== '';
    stream.sendRequest(
      { scheme: 'http', authority: 'a:80', path: '/', fields: [], version: 'HTTP/1.1', ...asked },
      !isTunnel,
    );
    inPieces(ends, (start, end) => connection.receive(octets, Math.max(1, start), Math.max(1, end)));
    connection.onEnd();
    connection.onClosed();
    return JSON.stringify([recorder.heard, events, wire.takeText(), wire.closed, connection.closed]);
  },
};

const ASKED = [
  { method: 'GET', protocol: '' },
  { method: 'HEAD', protocol: '' },
  { method: 'CONNECT', protocol: '' },
  { method: 'GET', protocol: 'websocket' },
  { method: 'POST', protocol: '' },
];

function answers(random: Random): string {
  let text = '';
  for (let count = random.below(3); count > 0; count--) text += 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
  const status = random.pick([200, 200, 204, 304, 404, 101, 100, 500]);
  const line = `HTTP/1.${random.pick(['1', '1', '0', '2'])} ${status}${random.pick([' OK', ' ', '', ' N\xf6'])}\r\n`;
  const fields = random.pick([
    '',
    'Connection: close\r\n',
    'Connection: keep-alive\r\n',
    'Upgrade: websocket\r\nConnection: Upgrade\r\n',
    'X:\ty \r\n',
  ]);
  const body = random.pick([
    'Content-Length: 5\r\n\r\nhello',
    'Content-Length: 0\r\n\r\n',
    'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n',
    'Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n',
    '\r\nuntil the end',
    'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
    'Transfer-Encoding: gzip\r\n\r\n',
  ]);
  return `${text}${line}${fields}${body}${random.oneIn(6) ? 'HTTP/1.1 408 Request Timeout\r\n\r\n' : ''}`;
}
