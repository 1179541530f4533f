/** Server-sent events through two proxy processes: over HTTP/1.1 (chunks) and over HTTP/2. */
import { once } from 'node:events';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import t, { type Test } from 'tap';

import { startProxyPair } from '../support/proxy-process.ts';

const STREAMS = 100;
const EVENTS = 5;

/** A client's stream of events. */
interface EventSource {
  /** The next event's data. */
  next(): Promise<string>;
  /** Leaves without waiting for the end. */
  leave(): void;
}

/** An application whose streams of events the test writes. `streams` are those that are open, by path. */
class EventApplication {
  readonly server: http.Server | http2.Http2Server;
  readonly streams = new Map<string, { write(text: string): unknown }>();

  constructor(protocol: 'http1' | 'http2') {
    const answer = (
      request: http.IncomingMessage | http2.Http2ServerRequest,
      response: http.ServerResponse | http2.Http2ServerResponse,
    ) => {
      response.setHeader('content-type', 'text/event-stream');
      (response as http.ServerResponse).flushHeaders();
      this.streams.set(request.url!, response);
      response.on('close', () => this.streams.delete(request.url!));
    };
    this.server = protocol === 'http1' ? http.createServer(answer) : http2.createServer(answer);
  }

  /**
   * Resolves when these streams are closed.
   *
   * HTTP/2 says so. Over HTTP/1.1 a client that has left cannot be told from one that has said all it will, and is still
   * answered; its host refuses the next event.
   */
  async deserted(paths: readonly string[], protocol: 'http1' | 'http2'): Promise<void> {
    for (let open = paths; open.length > 0; open = open.filter((path) => this.streams.has(path))) {
      if (protocol === 'http1') for (const path of open) this.streams.get(path)?.write('data: late\n\n');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

for (const protocol of ['http1', 'http2'] as const) {
  t.test(`events over ${protocol} arrive one by one, and a client that leaves is missed`, async (t) => {
    const application = new EventApplication(protocol);
    await new Promise<void>((resolve) => application.server.listen(0, '127.0.0.1', resolve));
    const pair = await startProxyPair((application.server.address() as AddressInfo).port);
    t.teardown(() => {
      pair.end();
      application.server.close();
    });
    const open = protocol === 'http1' ? openHttp1 : opener(t, pair.port);
    const start = performance.now();
    const sources = await Promise.all(Array.from({ length: STREAMS }, (_, i) => open(pair.port, `/${i}`)));
    t.equal(application.streams.size, STREAMS, 'the heads of all answers come before any event');
    for (let event = 0; event < EVENTS; event++) {
      // The next event is not written before this one has arrived everywhere: one that is held back ends the test.
      for (const [path, stream] of application.streams) stream.write(`data: ${event} of ${path}\n\n`);
      const heard = await Promise.all(sources.map((source) => source.next()));
      t.equal(heard.filter((text, i) => text === `${event} of /${i}`).length, STREAMS, `event ${event} arrives`);
    }
    t.comment(`${STREAMS} streams, ${EVENTS} events each: ${Math.round(performance.now() - start)} ms`);
    sources[0]!.leave();
    await application.deserted(['/0'], protocol);
    t.equal(application.streams.size, STREAMS - 1, 'the application hears that one client has left');
    application.streams.get('/1')!.write('data: still here\n\n');
    t.equal(await sources[1]!.next(), 'still here', 'and the others go on');
    for (const source of sources.slice(1)) source.leave();
    await application.deserted([...application.streams.keys()], protocol);
    t.equal(application.streams.size, 0, 'the application hears that all have left');
  });
}

async function openHttp1(port: number, path: string): Promise<EventSource> {
  const request = http.get({ host: '127.0.0.1', port, path, agent: false, headers: { accept: 'text/event-stream' } });
  request.on('error', () => {});
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.on('error', () => {});
  return { next: eventsOf(response), leave: () => request.destroy() };
}

function opener(t: Test, sessionPort: number): (port: number, path: string) => Promise<EventSource> {
  const session = http2.connect(`http://127.0.0.1:${sessionPort}`);
  t.teardown(() => session.destroy());
  return async (_port, path) => {
    const stream = session.request({ ':path': path, accept: 'text/event-stream' });
    stream.on('error', () => {});
    await once(stream, 'response');
    return { next: eventsOf(stream), leave: () => stream.close(http2.constants.NGHTTP2_CANCEL) };
  };
}

/** @returns what waits for the next event of a body */
function eventsOf(body: Readable): () => Promise<string> {
  const events: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  let rest = '';
  body.on('data', (piece) => {
    const parts = (rest + piece).split('\n\n');
    rest = parts.pop()!;
    for (const part of parts) {
      const text = part.replace(/^data: /, '');
      const receiver = waiting.shift();
      if (receiver) receiver(text);
      else events.push(text);
    }
  });
  return () => (events.length > 0 ? Promise.resolve(events.shift()!) : new Promise((resolve) => waiting.push(resolve)));
}
