import { once } from 'node:events';
import { connect, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';

import { closeIdleSessions } from './idle-sessions.ts';

async function serve(t: Test, onStream: (stream: ServerHttp2Stream) => void) {
  const server = createServer();
  server.on('stream', onStream);
  closeIdleSessions(server, 50);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.teardown(() => {
    session.destroy();
    server.close();
  });
  return session;
}

t.test('closes a session that asks nothing', async (t) => {
  const session = await serve(t, () => {});
  await once(session, 'close');
});

t.test('leaves a session alone while it has a stream, and closes it afterwards', async (t) => {
  let end: () => void = () => {};
  const session = await serve(t, (stream) => {
    stream.respond();
    end = () => stream.end();
  });
  const streams = [session.request(), session.request()];
  for (const stream of streams) await once(stream.resume(), 'response');
  streams[0]!.close();
  await new Promise((resolve) => setTimeout(resolve, 150));
  t.equal(session.closed, false);
  end();
  await once(session, 'close');
});
