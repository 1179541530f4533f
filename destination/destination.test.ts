import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { stringify } from 'yaml';

import { TokenIssuer } from '../core/testing/token-issuer.ts';
import { TestAuthority } from './testing/control-plane.ts';
import { TestIdentity } from './testing/identity.ts';
import { istioSecurity, pod, service, slice } from './testing/manifests.ts';
import { TestWatch } from './testing/watch-client.ts';

t.test('the program serves a folder from its own certificate on, and drains on SIGTERM', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-destination-'));
  const manifests = join(folder, 'manifests');
  mkdirSync(manifests);
  const authority = new TestAuthority();
  const identity = new TestIdentity(authority);
  const identityPort = await identity.listen();
  writeFileSync(join(folder, 'ca.pem'), authority.bundle);
  writeFileSync(join(folder, 'token'), 'a-token\n');
  const write = (...objects: object[]) =>
    writeFileSync(join(manifests, 'api.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  write(service('api', '10.96.0.1'), pod('api-1', '10.244.0.1'), slice('api', [['api-1', '10.244.0.1']]));

  const program = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      WEFT_DESTINATION_SOURCE: 'folder',
      WEFT_DESTINATION_FOLDERS: manifests,
      WEFT_DESTINATION_LISTEN: '127.0.0.1:0',
      WEFT_DESTINATION_ADMIN_LISTEN: '127.0.0.1:0',
      WEFT_DESTINATION_TRUST_BUNDLE_FILE: join(folder, 'ca.pem'),
      WEFT_DESTINATION_TOKEN_FILE: join(folder, 'token'),
      WEFT_DESTINATION_IDENTITY_ADDRESS: `127.0.0.1:${identityPort}`,
      WEFT_DESTINATION_DRAIN: '100ms',
    },
  });
  const exited = new Promise<number | null>((resolve) => program.once('exit', resolve));
  t.teardown(() => {
    program.kill('SIGKILL');
    identity.close();
    rmSync(folder, { recursive: true });
  });
  const ready = await new Promise<{ address: string; admin: string }>((resolve) => {
    createInterface(program.stdout).on('line', (line) => {
      const entry = JSON.parse(line);
      if (entry.msg === 'ready') resolve(entry);
    });
  });
  t.match(identity.requests, [{ token: 'a-token' }]);

  const watch = await TestWatch.open({
    port: Number(ready.address.split(':')[1]),
    bundle: authority.bundle,
    domain: authority.domain,
    credentials: authority.certify({ namespace: 'default', serviceAccount: 'api', pod: 'api-1', uid: 'uid-api-1' }),
  });
  t.teardown(() => watch.close());
  watch.sends({ type: 'subscribe', target: 'api:80' });
  t.match(await watch.expects('inbound'), { inbound: { ports: [{ port: 8080 }] } });
  const snapshot = await watch.expects('snapshot');
  t.match(snapshot.outbound?.backends[''], { endpoints: [{ uid: 'uid-api-1' }] });
  watch.sends({ type: 'ack', target: 'api:80', version: snapshot.version });

  write(
    service('api', '10.96.0.1'),
    pod('api-1', '10.244.0.1'),
    pod('api-2', '10.244.0.2'),
    slice('api', [
      ['api-1', '10.244.0.1'],
      ['api-2', '10.244.0.2'],
    ]),
  );
  t.match(await watch.expects('delta'), { add: [{ uid: 'uid-api-2' }], from: snapshot.version }, 'an edit is live');

  const issuer = new TokenIssuer('ES256');
  const keys = http.createServer((_, answer) => answer.end(TokenIssuer.keySet(issuer)));
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
  t.teardown(() => keys.close());
  const jwksUri = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/keys`;
  const users = istioSecurity('RequestAuthentication', 'users', { jwtRules: [{ issuer: 'me', jwksUri }] });
  writeFileSync(join(manifests, 'users.yaml'), stringify(users));
  const unknown = await watch.expects('inbound');
  t.match(unknown, {
    requires: ['request-authentication'],
    inbound: { tokenRules: [{ keys: null, keysFrom: jwksUri }] },
  });
  const known = await watch.expects('inbound');
  t.match(known.inbound.tokenRules, [{ keys: [{ kid: issuer.kid }] }], 'keys follow as soon as they are fetched');

  const get = async (path: string) => await (await fetch(`http://${ready.admin}${path}`)).text();
  t.equal(await get('/live'), 'live\n');
  t.equal(await get('/ready'), 'ready\n');
  t.match(await get('/metrics'), /^weft_destination_streams 1$/m);
  t.match(await get('/metrics'), /^weft_destination_objects\{kind="Pod"\} 2$/m);
  t.match(JSON.parse(await get('/proxies')), [
    {
      namespace: 'default',
      pod: 'api-1',
      targets: [
        { target: 'trust' },
        { target: 'revoked' },
        { target: 'inbound' },
        { target: 'api:80', applied: snapshot.version },
      ],
    },
  ]);

  program.kill('SIGTERM');
  await watch.ends();
  t.equal(await exited, 0, 'it ends by itself');
});

t.test('the program names every variable that is wrong and exits with 64', async (t) => {
  const program = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      WEFT_DESTINATION_SOURCE: 'folder',
      WEFT_DESTINATION_CLUSTER_NETWORKS: '10.0.0.0/99',
      WEFT_DESTINATION_DRAIN: 'soon',
    },
  });
  let text = '';
  program.stderr.on('data', (chunk) => {
    text += chunk;
  });
  t.equal(await new Promise((resolve) => program.once('close', resolve)), 64);
  for (const name of ['FOLDERS', 'TRUST_BUNDLE_FILE', 'TOKEN_FILE', 'CLUSTER_NETWORKS', 'DRAIN']) {
    t.match(text, `WEFT_DESTINATION_${name}`);
  }
});
