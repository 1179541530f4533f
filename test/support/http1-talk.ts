import { ClientConnection } from '../../proxy/http1/client-connection.ts';
import type { HeadFault } from '../../proxy/http1/head-reader.ts';
import type { RequestHead } from '../../proxy/http1/message.ts';
import { ServerConnection } from '../../proxy/http1/server-connection.ts';
import type { ServerStream } from '../../proxy/http1/server-stream.ts';
import { MemoryWire } from './memory-wire.ts';
import { Recorder } from './recorder.ts';

export const latin1 = (bytes: Uint8Array, start: number, end: number) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);

/** A server's connection, whose client is spoken by the test, and what comes of it. */
export function server({ keepsHalfClosed = false } = {}) {
  const wire = new MemoryWire();
  const requests: { head: RequestHead; end: boolean; stream: ServerStream; recorder: Recorder }[] = [];
  const faults: HeadFault[] = [];
  const limits: string[] = [];
  const connection = new ServerConnection(
    wire,
    {
      onRequest(stream, head, end) {
        const recorder = new Recorder();
        requests.push({ head, end, stream, recorder });
        return recorder;
      },
      onMalformed(reason) {
        faults.push(reason);
        return [];
      },
      onLimit: (limit) => void limits.push(limit),
    },
    latin1,
    keepsHalfClosed,
  );
  const feed = (text: string, size = text.length) => {
    const bytes = Buffer.from(text, 'latin1');
    for (let at = 0; at < bytes.length; at += size) connection.receive(bytes, at, Math.min(bytes.length, at + size));
  };
  return { wire, requests, faults, limits, connection, feed };
}

/** A client's connection with one exchange open, whose server is spoken by the test. */
export function client() {
  const wire = new MemoryWire();
  const events: string[] = [];
  const connection = new ClientConnection(
    wire,
    { onIdle: () => events.push('idle'), onEnding: () => events.push('ending') },
    latin1,
  );
  const recorder = new Recorder();
  const stream = connection.open(recorder);
  const head = {
    method: 'GET',
    scheme: 'http',
    authority: 'web',
    path: '/',
    protocol: '',
    fields: [],
    version: 'HTTP/1.1',
  };
  const feed = (text: string, size = text.length) => {
    const bytes = Buffer.from(text, 'latin1');
    for (let at = 0; at < bytes.length; at += size) connection.receive(bytes, at, Math.min(bytes.length, at + size));
  };
  return { wire, events, connection, recorder, stream, head, feed };
}
