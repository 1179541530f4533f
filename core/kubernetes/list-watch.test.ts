import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';

import { ApiClient, type ApiError } from './api-client.ts';
import { ListWatch, type ListWatchOptions } from './list-watch.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

class Transcript {
  readonly seen: string[] = [];
  #check: () => void = () => {};

  add(line: string): void {
    this.seen.push(line);
    this.#check();
  }

  /** Waits until exactly these lines have been seen. */
  until(...lines: string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`saw ${this.seen.join(', ')} instead of ${lines.join(', ')}`)),
        5000,
      );
      this.#check = () => {
        if (this.seen.join() !== lines.join()) return;
        clearTimeout(timer);
        resolve();
      };
      this.#check();
    });
  }
}

class Requests extends Array<IncomingMessage> {
  #waiting: (() => void) | null = null;

  add(request: IncomingMessage): void {
    this.push(request);
    this.#waiting?.();
  }

  async until(count: number): Promise<void> {
    while (this.length < count) await new Promise<void>((resolve) => (this.#waiting = resolve));
  }
}

t.test('lists, watches from the version of the list, and stops', async (t) => {
  const { changes, requests, watch } = await follow(t, [
    json({ metadata: { resourceVersion: '7' }, items: [object('a', 1)] }),
    events({ type: 'ADDED', object: object('b', 8) }, { type: 'DELETED', object: object('a', 9) }),
  ]);
  await changes.until('put a@1', 'put b@8', 'gone a');
  t.match(requests[0], { url: '/api/v1/pods?limit=500' });
  t.match(requests[1]!.url, /watch=1&allowWatchBookmarks=true&timeoutSeconds=\d+&resourceVersion=7$/);
  t.ok(watch.stalenessMs() < 5000);
  await watch.stop();
  const count = requests.length;
  await pause(300);
  t.equal(requests.length, count, 'nothing is asked after the stop');
});

t.test('lists page by page', async (t) => {
  const { changes, requests } = await follow(
    t,
    [
      json({ metadata: { resourceVersion: '7', continue: 'next/1' }, items: [object('a', 1)] }),
      json({ metadata: { resourceVersion: '7' }, items: [object('b', 2)] }),
      events(),
    ],
    { pageSize: 1 },
  );
  await changes.until('put a@1', 'put b@2');
  t.same(
    requests.slice(0, 2).map(({ url }) => url),
    ['/api/v1/pods?limit=1', '/api/v1/pods?limit=1&continue=next%2F1'],
  );
});

t.test('asks for metadata alone where that is enough', async (t) => {
  const { changes, requests } = await follow(
    t,
    [json({ metadata: { resourceVersion: '7' }, items: [object('a', 1)] }), events()],
    {
      metadataOnly: true,
    },
  );
  await changes.until('put a@1');
  t.match(requests[0]!.headers.accept, 'as=PartialObjectMetadataList;g=meta.k8s.io;v=v1');
  await requests.until(2);
  t.match(requests[1]!.headers.accept, /as=PartialObjectMetadata;/);
});

t.test('a watch that ends goes on from the last version, which bookmarks move', async (t) => {
  const { changes, requests, problems } = await follow(t, [
    json({ metadata: { resourceVersion: '7' }, items: [] }),
    ended({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '30' } } }),
    events({ type: 'ADDED', object: object('a', 31) }),
  ]);
  await changes.until('put a@31');
  t.match(requests[2]!.url, /resourceVersion=30$/);
  t.same(problems, [], 'an orderly end is no trouble');
});

for (const [name, expired] of [
  [
    'as an event',
    ended({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } }),
  ],
  ['as a status', status(410, { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' })],
] as const) {
  t.test(`410 ${name}: lists again, and what is no longer there goes after the rest has come`, async (t) => {
    const { changes, problems } = await follow(t, [
      json({ metadata: { resourceVersion: '7' }, items: [object('a', 1), object('b', 1)] }),
      expired,
      json({ metadata: { resourceVersion: '9' }, items: [object('b', 8), object('c', 9)] }),
      events(),
    ]);
    await changes.until('put a@1', 'put b@1', 'put b@8', 'put c@9', 'gone a');
    t.same(problems, []);
  });
}

t.test('survives resets, errors and an absent server, and reports each spell of trouble once', async (t) => {
  const { changes, problems, requests } = await follow(t, [
    status(500, { kind: 'Status', code: 500, reason: 'InternalError', message: 'etcd is away' }),
    reset,
    json({ metadata: { resourceVersion: '7' }, items: [object('a', 1)] }),
    reset,
    status(429, { kind: 'Status', code: 429, reason: 'TooManyRequests', message: 'later' }),
    events({ type: 'MODIFIED', object: object('a', 8) }),
  ]);
  await changes.until('put a@1', 'put a@8');
  t.match(requests.at(-1)!.url, /resourceVersion=7$/, 'a broken watch goes on where it was');
  t.equal(problems.length, 2);
  t.match(problems[0], 'etcd is away');
});

t.test('a line that is no event leads to a new list, since what it said is not known', async (t) => {
  const { changes, problems } = await follow(t, [
    json({ metadata: { resourceVersion: '7' }, items: [object('a', 1)] }),
    (_request, response) => response.end('{"type":"ADDED","object":{"metada'),
    json({ metadata: { resourceVersion: '9' }, items: [object('b', 9)] }),
    events(),
  ]);
  await changes.until('put a@1', 'put b@9', 'gone a');
  t.match(problems, [/sent a line that is no event/]);
});

t.test('an answer that is no list is asked for again', async (t) => {
  const { changes } = await follow(t, [
    (_request, response) => response.end('<html>'),
    json({ kind: 'Table' }),
    json({ metadata: { resourceVersion: '7' }, items: [object('a', 1)] }),
    events(),
  ]);
  await changes.until('put a@1');
});

t.test('leaves out and reports objects that have no name, and keeps the others', async (t) => {
  const { changes, problems } = await follow(t, [
    json({ metadata: { resourceVersion: '7' }, items: [null, { metadata: { name: 5 } }, {}, object('a', 1)] }),
    events(
      { type: 'ADDED', object: null },
      { type: 'EXPLODED', object: object('z', 3) },
      { type: 'ADDED', object: object('b', 8) },
    ),
  ]);
  await changes.until('put a@1', 'put b@8');
  t.equal(problems.length, 5);
});

t.test('null items are an empty list', async (t) => {
  const { watch, problems } = await follow(t, [
    json({ kind: 'PartialObjectMetadataList', metadata: { resourceVersion: '7' }, items: null }),
  ]);
  await watch.synced;
  t.same(problems, []);
});

t.test('a resource that the cluster lacks is an empty list', async (t) => {
  const { watch, changes, problems } = await follow(t, [status(404, '404 page not found')], { isOptional: true });
  await watch.synced;
  t.same(changes.seen, []);
  t.same(problems, []);
});

t.test('names are removed when an optional resource goes away', async (t) => {
  const { changes } = await follow(
    t,
    [json({ metadata: { resourceVersion: '7' }, items: [object('a', 1)] }), status(404, '404 page not found')],
    { isOptional: true },
  );
  await changes.until('put a@1', 'gone a');
});

t.test('the client throws the server’s reason, and Unreachable where there is none', async (t) => {
  const server = await serve(t, [
    status(409, { kind: 'Status', reason: 'AlreadyExists', message: 'pods "a" already exists' }),
    status(502, 'bad gateway'),
    json({ ok: true }),
  ]);
  const failure = async (promise: Promise<unknown>) =>
    await promise.then(
      () => null,
      (error: ApiError) => error,
    );
  t.match(await failure(server.client.create('/api/v1/pods', {})), {
    status: 409,
    reason: 'AlreadyExists',
    message: 'pods "a" already exists',
  });
  t.match(await failure(server.client.get('/')), { status: 502, reason: 'Unknown' });
  t.same(await server.client.patch('/x', [{ op: 'remove', path: '/a' }], 'application/json-patch+json'), { ok: true });
  t.match(server.requests[2], { method: 'PATCH', headers: { 'content-type': 'application/json-patch+json' } });
  server.close();
  t.match(await failure(server.client.get('/')), { status: 0, reason: 'Unreachable' });
});

/** Follows a server that gives one answer after the other, and then never ending watches. */
async function follow(t: Test, answers: Answer[], options: Partial<ListWatchOptions> = {}) {
  const { client, requests } = await serve(t, answers);
  const problems: string[] = [];
  const changes = new Transcript();
  const watch = new ListWatch({
    client,
    paths: ['/api/v1/pods'],
    random: () => 0,
    onChanges: (batch) => {
      for (const change of batch) {
        changes.add(
          change.type === 'put'
            ? `put ${change.object.metadata.name}@${change.object.metadata.resourceVersion}`
            : `gone ${change.name}`,
        );
      }
    },
    onProblem: (message) => problems.push(message),
    ...options,
  });
  watch.start();
  t.teardown(() => watch.stop());
  return { watch, changes, problems, requests };
}

async function serve(t: Test, answers: Answer[]) {
  const requests = new Requests();
  const server = createServer((request, response) => {
    requests.add(request);
    (answers.shift() ?? events())(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new ApiClient({ server: `http://127.0.0.1:${port}`, options: async () => ({}) });
  const close = () => {
    client.close();
    server.closeAllConnections();
    server.close();
  };
  t.teardown(close);
  return { client, requests, close };
}

function object(name: string, version: number) {
  return { metadata: { name, namespace: 'default', resourceVersion: String(version) } };
}

function json(body: unknown): Answer {
  return (_request, response) => response.end(JSON.stringify(body));
}

function status(code: number, body: unknown): Answer {
  return (_request, response) => response.writeHead(code).end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** A watch that says this and stays open. */
function events(...lines: object[]): Answer {
  return (_request, response) => {
    response.flushHeaders();
    for (const line of lines) response.write(`${JSON.stringify(line)}\n`);
  };
}

/** A watch that says this and ends. */
function ended(...lines: object[]): Answer {
  return (_request, response) => response.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

function reset(_request: IncomingMessage, response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
