import { createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';

import { MemoryWire } from '../../test/support/memory-wire.ts';
import { Recorder } from '../../test/support/recorder.ts';
import { writePing, writeSettings } from '../http2/frame-writer.ts';
import { PING, PREFACE } from '../http2/wire-vocabulary.ts';
import { dial } from './dialer.ts';
import { unbounded } from './http-pool.ts';
import { Http2Pool } from './http2-pool.ts';

/** A server that takes a request and says nothing of its own; it may answer PING. */
async function silentServer(t: Test, answers: boolean) {
  const sockets: Socket[] = [];
  let pings = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    const out = new MemoryWire();
    writeSettings(out, []);
    socket.write(out.take());
    let begun = false;
    socket.on('data', (chunk: Buffer) => {
      // The client writes a whole PING at once when it has nothing else to say.
      const at = begun ? 0 : PREFACE.length;
      begun = true;
      if (chunk[at + 3] !== PING || chunk[at + 4] !== 0) return;
      pings++;
      if (!answers) return;
      writePing(out, true, chunk, at + 9);
      socket.write(out.take());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  let closed = 0;
  const roundTrips: number[] = [];
  const heard: string[] = [];
  const pool = new Http2Pool({
    dial: () => dial('127.0.0.1', port),
    connected: 'connect',
    connectTimeoutMs: 1000,
    idleMs: 60_000,
    keepCase: false,
    prologue: Buffer.alloc(0),
    signsOfLife: {
      keepAlive: { quietMs: 80, answerMs: 60 },
      onSilence: (isSilent) => void heard.push(isSilent ? 'silent' : 'alive'),
      onDead: () => void heard.push('dead'),
      onRoundTrip: (ms) => void roundTrips.push(ms),
    },
    onOpened() {},
    onClosed: () => void closed++,
    onLimit() {},
    bounds: unbounded(),
  });
  const recorder = new Recorder();
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  recorder.onReset = (code) => {
    recorder.heard.push(`reset ${code}`);
    resolve();
  };
  pool.acquire({
    cancelled: false,
    listener: recorder,
    onStream: (stream) =>
      stream.sendRequest(
        { method: 'GET', scheme: 'http', authority: 'a', path: '/', protocol: '', fields: [], version: '' },
        true,
      ),
    onUnavailable: () => t.fail('not connected'),
  });
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { recorder, ended, pings: () => pings, closed: () => closed, heard, roundTrips };
}

t.test('gives up a server that is silent and answers no PING', async (t) => {
  const { recorder, ended, pings, closed, heard } = await silentServer(t, false);
  await ended;
  t.same(recorder.heard, ['reset 2'], 'INTERNAL_ERROR');
  t.equal(pings(), 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(closed(), 1);
  t.same(heard, ['silent', 'dead', 'alive'], 'doubted first; with the connection the doubt ends');
});

t.test('waits for a server that is silent and answers PING', async (t) => {
  const { recorder, pings, heard, roundTrips } = await silentServer(t, true);
  await new Promise((resolve) => setTimeout(resolve, 600));
  t.same(recorder.heard, []);
  t.same(heard, []);
  t.ok(pings() >= 2, `${pings()} PINGs were answered`);
  t.ok(roundTrips.length >= 1 && roundTrips.every((ms) => ms > 0 && ms < 500), `round trips of ${roundTrips} ms`);
});
