import { connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';

import { ConnectError } from './dialer.ts';
import { raceToSpeak } from './server-first.ts';

/** A connection through loopback: the side that spoke, and the side that is looked at. */
async function pair(t: Test): Promise<{ near: Socket; far: Socket }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const far = connect(port, '127.0.0.1');
  const near = await new Promise<Socket>((resolve) => server.once('connection', resolve));
  t.teardown(() => {
    far.destroy();
    near.destroy();
    server.close();
  });
  return { near, far };
}

const decide = (bytes: Buffer) => bytes.toString();

t.test('the server speaks first', async (t) => {
  const client = await pair(t);
  const server = await pair(t);
  server.far.write('220 ready');
  const first = await raceToSpeak(client.near, Promise.resolve(server.near), decide);
  t.same([first.who, 'upstream' in first && first.upstream.read().toString()], ['server', '220 ready']);
});

t.test(
  'a client that speaks while the server is being connected is heard, and that connection is let go',
  async (t) => {
    const client = await pair(t);
    const server = await pair(t);
    const connecting = Promise.withResolvers<Socket>();
    const race = raceToSpeak(client.near, connecting.promise, decide);
    client.far.write('GET /');
    t.same(await race, { who: 'client', value: 'GET /' });
    connecting.resolve(server.near);
    await new Promise((resolve) => server.far.once('close', resolve));
  },
);

t.test('a connection that fails after the client has spoken harms nobody', async (t) => {
  const client = await pair(t);
  const connecting = Promise.withResolvers<Socket>();
  const race = raceToSpeak(client.near, connecting.promise, decide);
  client.far.write('GET /');
  t.same(await race, { who: 'client', value: 'GET /' });
  connecting.reject(new ConnectError('connect_timeout', 'late'));
});

t.test('without a word from either side, the reason why the server is not there is told', async (t) => {
  const client = await pair(t);
  const failed = Promise.reject(new ConnectError('connect_failed', 'refused'));
  await t.rejects(raceToSpeak(client.near, failed, decide), new ConnectError('connect_failed', 'refused'));
  client.far.write('late');
  await new Promise((resolve) => client.near.once('readable', resolve));
  t.equal(client.near.read().toString(), 'late', 'the client can be looked at again');
});
