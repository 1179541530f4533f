/** docs/getting-started.md by its words, as far as it needs no cluster. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

import { socketsListeningOn } from '../../cli/run/listening-socket.ts';
import { eventually } from '../support/eventually.ts';
import { LocalMesh, unprivilegedObstacle } from '../support/local-mesh.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const page = readFileSync(join(root, 'docs/getting-started.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'weft-getting-started-'));
chmodSync(folder, 0o755);
t.teardown(() => rmSync(folder, { recursive: true }));
const obstacle = unprivilegedObstacle() || (socketsListeningOn(8080).length > 0 ? 'port 8080 is taken' : '');

t.test('make install puts the command on the PATH', async (t) => {
  execFileSync('make', ['-s', 'install', `PREFIX=${folder}`], { cwd: root });
  const weft = join(folder, 'bin/weft');
  t.match(execFileSync(weft, ['--version'], { encoding: 'utf8', cwd: folder }), /^weft \d/);
});

t.test('the shop shows retries, and an edit that takes them away', { skip: obstacle || false }, async (t) => {
  t.match(page, 'cp -r docs/examples/shop shop');
  const shop = join(folder, 'shop');
  cpSync(join(root, 'docs/examples/shop'), shop, { recursive: true });
  const mesh = new LocalMesh(shop);
  t.teardown(() => mesh.process.kill('SIGKILL'));
  await mesh.up();
  const answers = (status: string) => mesh.output.split(`[web-0] GET /items: ${status}`).length - 1;

  t.ok(await eventually(() => answers('200') >= 6), mesh.output);
  t.equal(answers('503'), 0, mesh.output);

  const routes = join(shop, 'routes.yaml');
  writeFileSync(routes, readFileSync(routes, 'utf8').replace('isRetryable: true', 'isRetryable: false'));
  const [, line] = /^ {4}(applied: .*)$/m.exec(page) ?? [];
  const said = `${line}`.replace('shop/routes.yaml', routes);
  t.ok(await eventually(() => mesh.output.includes(`\n${said}\n`)), `${said} in ${mesh.output}`);
  t.ok(await eventually(() => answers('503') > 0), mesh.output);

  const [, address] = /^metrics of web-0: (.*)$/m.exec(mesh.output) ?? [];
  t.match(await (await fetch(address!)).text(), /route_response_total\{.*rt_route="GET \/items"/);
  mesh.process.kill('SIGTERM');
  t.equal(await mesh.ended, 0);
});

t.test('weft why says from the same files what decides', async (t) => {
  const args = ['cli/weft.mjs', 'why', 'GET', 'http://api/items', '-f', 'docs/examples/shop'];
  t.match(page, 'weft why GET http://api/items -f shop');
  const said = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  t.match(said, /route +"GET \/items" of ServiceProfile\/default\/api-routes/);
});
