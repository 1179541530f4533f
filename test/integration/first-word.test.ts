/** A proxy that starts while destination is away: whom it lets in. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';

import { PROXY_ADMIN_PORT, PROXY_INBOUND_PORT } from '../../api/ports.ts';
import { ENV_TRUST_BUNDLE_FILE } from '../../api/proxy-environment.ts';
import { openLoopback } from '../../cli/run/loopback.ts';
import { startMesh } from '../../cli/run/mesh.ts';
import { readFolder } from '../../cli/run/objects.ts';
import { freePort } from '../support/free-port.ts';
import { LocalMesh, takenPort } from '../support/local-mesh.ts';

const fixtures = join(dirname(fileURLToPath(import.meta.url)), '../fixtures');
const taken = takenPort();
const options = {
  skip: taken === undefined ? false : `another program listens on every address at port ${taken}`,
  timeout: 120_000,
};

t.test(
  'a proxy that starts while destination is away lets nobody in, and one that was told before goes by that',
  options,
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-first-word-'));
    const text = readFileSync(join(fixtures, 'user-access/mesh.yaml'), 'utf8')
      .replaceAll('APPLICATION', join(fixtures, 'user-mesh/application.mjs'))
      .replaceAll('NOWHERE', join(folder, 'none'))
      .replaceAll('18080', String(await freePort()));
    const policy = readFileSync(join(fixtures, 'user/istio-authorization-policy.yaml'), 'utf8');
    writeFileSync(join(folder, 'mesh.yaml'), `${text}\n---\n${policy}`);
    const mesh = await startMesh({
      folder,
      objects: readFolder(folder).objects,
      network: await openLoopback((line) => t.comment(line)),
      progress() {},
      onOutput() {},
      certificateLifetime: '24h',
    });
    t.teardown(async () => {
      await mesh.end();
      rmSync(folder, { recursive: true });
    });
    const api = mesh.plan.pods.find(({ name }) => name === 'api-0')!.ips[0];
    const ask = (pod: string, path: string) =>
      new Promise<number | string>((resolve) => {
        const [host] = mesh.plan.pods.find(({ name }) => name === pod)!.ips;
        const headers = { host: 'api-service.default' };
        request({ host, port: 4140, path: `http://api-service.default${path}`, headers, agent: false }, (answer) =>
          answer.resume().on('end', () => resolve(answer.statusCode!)),
        )
          .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
          .end();
      });
    const readiness = async () => {
      const answer = await fetch(`http://${api}:${PROXY_ADMIN_PORT}/ready`).catch(() => null);
      return answer ? (await answer.text()).trim() : 'no answer';
    };
    t.same([await ask('frontend-0', '/api/'), await ask('outsider-0', '/api/')], [200, 403]);

    mesh.control.process('destination').kill('SIGKILL');
    const proxy = proxyOf(mesh.state, api);
    await proxy.restart();
    while ((await readiness()) !== 'ready') await wait(20);
    t.same([await ask('frontend-0', '/api/'), await ask('outsider-0', '/api/')], [200, 403], 'by what was said before');

    rmSync(join(dirname(proxy.environment[ENV_TRUST_BUNDLE_FILE]!), 'words.json.gz'));
    await proxy.restart();
    while (!(await readiness()).startsWith('not ready: destination')) await wait(20);
    await wait(4000);
    t.equal(await readiness(), 'not ready: destination has not said who may come in');
    const refused = await fetch(`http://${api}:${PROXY_INBOUND_PORT}/`).catch((error: Error) => error.cause);
    t.match(refused, { code: 'ECONNREFUSED' }, 'a new pod waits');

    await mesh.control.restart('destination');
    while ((await readiness()) !== 'ready') await wait(20);
    t.same([await ask('frontend-0', '/api/'), await ask('outsider-0', '/api/')], [200, 403]);
    await proxy.end();
  },
);

/** The proxy of a pod, and how a kubelet would start it again. */
function proxyOf(state: string, ip: string) {
  const words = (path: string) => readFileSync(path, 'utf8').split('\0').filter(Boolean);
  let pid = LocalMesh.processesOf(state).find((each) => {
    const command = words(`/proc/${each}/cmdline`);
    return command.some((word) => word.endsWith('proxy.js')) && words(`/proc/${each}/environ`).join().includes(ip);
  })!;
  const command = words(`/proc/${pid}/cmdline`);
  const environment = Object.fromEntries(
    words(`/proc/${pid}/environ`).map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
  let ended: Promise<unknown> = Promise.resolve();
  const end = async () => {
    process.kill(pid, 'SIGKILL');
    await ended;
  };
  const restart = async () => {
    await end();
    await wait(100);
    const child = spawn(command[0]!, command.slice(1), { env: environment, stdio: 'ignore' });
    ended = new Promise((resolve) => child.once('close', resolve));
    pid = child.pid!;
  };
  return { environment, end, restart };
}
