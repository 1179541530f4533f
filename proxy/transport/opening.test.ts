import type { Socket } from 'node:net';
import t from 'tap';

import { ConnectError } from './dialer.ts';
import { letGo, listenToOpening, type OpeningRules } from './opening.ts';
import { socketPair } from './testing/socket-pair.ts';

/** Decides by whole lines; what is no line is `unfinished`. */
function rules(dial: OpeningRules<string>['dial'], silenceMs = 20): OpeningRules<string> {
  const decide = (bytes: Buffer) => (bytes.includes('\n') ? bytes.toString() : null);
  return { decide, otherwise: () => 'unfinished', dial, silenceMs, undecidedMs: () => 50 };
}

t.test('a client that speaks decides, and its octets stay where they are', async (t) => {
  const client = await socketPair(t);
  client.far.write('GET /\n');
  t.same(await listenToOpening(client.near, rules(null)), {
    who: 'client',
    value: 'GET /\n',
    ended: null,
    upstream: null,
  });
  t.equal(client.near.read().toString(), 'GET /\n');
});

t.test('the server speaks first', async (t) => {
  const client = await socketPair(t);
  const server = await socketPair(t);
  server.far.write('220 ready');
  const first = await listenToOpening(
    client.near,
    rules(async () => server.near),
  );
  t.equal(first.who, 'server');
  t.equal(server.near.read().toString(), '220 ready', 'which is still to be read');
});

t.test('a server that begins with SETTINGS waits for its client, who decides', async (t) => {
  const client = await socketPair(t);
  const server = await socketPair(t);
  server.far.write(Buffer.from([0, 0, 6, 4]));
  const opening = listenToOpening(
    client.near,
    rules(async () => server.near),
  );
  await new Promise((resolve) => setTimeout(resolve, 60));
  server.far.write(Buffer.from([0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100]));
  await new Promise((resolve) => server.far.on('error', resolve).once('end', resolve).resume());
  client.far.write('PRI *\n');
  t.match(await opening, { who: 'client', value: 'PRI *\n' });
});

t.test('octets that look like SETTINGS at first and are none are a server that speaks first', async (t) => {
  const client = await socketPair(t);
  const server = await socketPair(t);
  server.far.write(Buffer.from([0, 0, 6, 5]));
  t.match(
    await listenToOpening(
      client.near,
      rules(async () => server.near),
    ),
    { who: 'server' },
  );
});

t.test('a client that speaks while the server is being connected is heard, and gets that connection', async (t) => {
  const client = await socketPair(t);
  const server = await socketPair(t);
  const connecting = Promise.withResolvers<Socket>();
  const opening = await listenToOpening(
    client.near,
    rules(() => {
      client.far.write('GET /\n');
      return connecting.promise;
    }),
  );
  t.match(opening, { who: 'client', value: 'GET /\n' });
  connecting.resolve(server.near);
  t.equal('upstream' in opening && (await opening.upstream), server.near);
});

t.test(
  'a client that speaks late gets the connection that was opened meanwhile, and nothing of it is lost',
  async (t) => {
    const client = await socketPair(t);
    const server = await socketPair(t);
    setTimeout(() => client.far.write('ruok'), 60);
    const opening = await listenToOpening(
      client.near,
      rules(async () => server.near),
    );
    t.match(opening, { who: 'client', value: 'unfinished' });
    const upstream = 'upstream' in opening && (await opening.upstream);
    t.equal(upstream, server.near);
    server.far.write('imok');
    await new Promise((resolve) => server.near.once('readable', resolve));
    t.equal(server.near.read().toString(), 'imok');
  },
);

t.test('a connection that nobody has a use for is closed, also once it is there', async (t) => {
  const server = await socketPair(t);
  const connecting = Promise.withResolvers<Socket>();
  letGo(connecting.promise);
  connecting.resolve(server.near);
  await new Promise((resolve) => server.far.once('end', resolve).resume());
  letGo(Promise.reject(new ConnectError('connect_failed', 'refused')));
  letGo(null);
});

t.test('without a word from either side, the reason why the server is not there is told', async (t) => {
  const client = await socketPair(t);
  const failed = () => Promise.reject(new ConnectError('connect_failed', 'refused'));
  await t.rejects(listenToOpening(client.near, rules(failed)), new ConnectError('connect_failed', 'refused'));
  client.far.write('late');
  await new Promise((resolve) => client.near.once('readable', resolve));
  t.equal(client.near.read().toString(), 'late', 'the client can be looked at again');
});

t.test('a client that was only slow is understood though its server is not there', async (t) => {
  const client = await socketPair(t);
  const opening = listenToOpening(
    client.near,
    rules(() => {
      setTimeout(() => client.far.write('GET /\n'), 5);
      return Promise.reject(new ConnectError('connect_failed', 'refused'));
    }, 30),
  );
  t.match(await opening, { who: 'client', value: 'GET /\n' });
});

t.test('words that tell nothing are waited on for a time', async (t) => {
  for (const dial of [null, async () => (await socketPair(t)).near]) {
    const client = await socketPair(t);
    client.far.write('ruok');
    t.match(await listenToOpening(client.near, rules(dial)), { who: 'client', value: 'unfinished', ended: null });
    t.equal(client.near.read().toString(), 'ruok');
  }
});

t.test('nothing is lost that a client said before it ended its direction', async (t) => {
  const client = await socketPair(t);
  client.far.end('ruok');
  t.same(await listenToOpening(client.near, rules(null)), {
    who: 'client',
    value: 'unfinished',
    ended: Buffer.from('ruok'),
    upstream: null,
  });
});

t.test('a client that ends without a word has said all that it has to say, where it need not speak', async (t) => {
  const client = await socketPair(t);
  client.far.end();
  t.same(
    await listenToOpening(
      client.near,
      rules(async () => (await socketPair(t)).near),
    ),
    {
      who: 'client',
      value: 'unfinished',
      ended: Buffer.alloc(0),
      upstream: null,
    },
  );
});

t.test('a client that has to speak and ends, resets, or says nothing is gone', async (t) => {
  const leaving = await socketPair(t);
  leaving.far.end();
  t.same(await listenToOpening(leaving.near, rules(null)), { who: 'gone' });
  const silent = await socketPair(t);
  t.same(await listenToOpening(silent.near, rules(null)), { who: 'gone' });
});

t.test('a client that resets without a word is gone', async (t) => {
  const client = await socketPair(t);
  client.near.on('error', () => {});
  client.far.resetAndDestroy();
  t.same(
    await listenToOpening(
      client.near,
      rules(async () => (await socketPair(t)).near),
    ),
    { who: 'gone' },
  );
});
