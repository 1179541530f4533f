/**
 * The manifests of the user guide that say who may call whom, unchanged, on `weft run`: every request of every client, expected
 * against seen, and against what `weft why` says of it.
 */
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

import { MeshState } from '../../cli/state/mesh-state.ts';
import { readPaths } from '../../cli/state/read-paths.ts';
import { explain } from '../../cli/why/explain.ts';
import { parseQuestion } from '../../cli/why/question.ts';
import { freePort } from '../support/free-port.ts';
import { LocalMesh, unprivilegedObstacle } from '../support/local-mesh.ts';

const fixtures = join(dirname(fileURLToPath(import.meta.url)), '../fixtures');
const folder = mkdtempSync(join(tmpdir(), 'weft-access-'));
chmodSync(folder, 0o755);
t.teardown(() => rmSync(folder, { recursive: true }));

const CLIENTS = ['frontend', 'worker', 'outsider'];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'];
const PATHS = ['/api/', '/api/items?page=2', '/api/internal/jobs', '/api', '/apis', '/', '/other', '/x/..%2Fapi/items'];

/** What the guide's AuthorizationPolicy says, in a sentence of code. */
function mayAsk(client: string, method: string, path: string): boolean {
  if (client === 'frontend') return ['GET', 'POST'].includes(method) && path.startsWith('/api/');
  return client === 'worker' && method === 'POST' && path.startsWith('/api/internal/');
}

/** A mesh with the guide's manifests of these names, and how to ask as a client would, by its proxy. */
async function start(t: Test, ...names: readonly string[]) {
  const place = mkdtempSync(join(folder, 'mesh-'));
  chmodSync(place, 0o755);
  const port = await freePort();
  const text = readFileSync(join(fixtures, 'user-access/mesh.yaml'), 'utf8')
    .replaceAll('APPLICATION', join(fixtures, 'user-mesh/application.mjs'))
    .replaceAll('NOWHERE', join(place, 'none'))
    .replaceAll('18080', String(port));
  writeFileSync(join(place, 'mesh.yaml'), text);
  for (const name of names) copyFileSync(join(fixtures, `user/${name}.yaml`), join(place, `${name}.yaml`));
  const mesh = new LocalMesh(place);
  t.teardown(async () => {
    mesh.process.kill('SIGTERM');
    await mesh.ended;
  });
  await mesh.up();
  const ask = (client: string, method: string, path: string) =>
    send({ host: mesh.ip(`${client}-0`), port: 4140, method, path: `http://api-service.default${path}` });
  /** In the clear, to where only the mesh calls. */
  const askInTheClear = (path: string) => send({ host: mesh.ip('api-0'), port: 4143, method: 'GET', path });
  return { ask, askInTheClear, state: new MeshState(readPaths([place])) };
}

/** The status, or how the connection ended. */
function send(options: object): Promise<number | string> {
  return new Promise((resolve) => {
    request({ ...options, headers: { host: 'api-service.default' }, agent: false }, (answer) =>
      answer.resume().on('end', () => resolve(answer.statusCode!)),
    )
      .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      .end();
  });
}

const options = { skip: unprivilegedObstacle() || false, timeout: 120_000 };

t.test('both manifests: each client gets what it may, and `weft why` has said so', options, async (t) => {
  const { ask, askInTheClear, state } = await start(t, 'istio-peer-authentication', 'istio-authorization-policy');
  const wrong: string[] = [];
  let asked = 0;
  for (const client of CLIENTS)
    for (const method of METHODS)
      for (const path of PATHS) {
        const seen = await ask(client, method, path);
        const expected = mayAsk(client, method, path) ? 200 : 403;
        if (seen !== expected) wrong.push(`${client} ${method} ${path}: ${seen}, expected ${expected}`);
        const question = parseQuestion(method, `http://api-service.default${path}`, [], `deploy/${client}`, 'default');
        const [said] = explain(state, question).split.flatMap(({ inbound }) => inbound);
        if ((said?.refused ?? null) !== (seen === 200 ? null : 'policy_denied'))
          wrong.push(`${client} ${method} ${path}: ${seen}, weft why: ${said?.refused}`);
        asked++;
      }
  t.same(wrong, []);
  t.equal(await askInTheClear('/api/items'), 'ECONNRESET');
  t.comment(`${asked} requests, ${wrong.length} differences`);
});

t.test('without them everybody gets everything', options, async (t) => {
  const { ask } = await start(t);
  for (const client of CLIENTS)
    for (const path of PATHS.slice(0, 3)) t.equal(await ask(client, 'POST', path), 200, `${client} ${path}`);
});
