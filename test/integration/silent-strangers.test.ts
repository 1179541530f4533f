/** Strangers that open connections to a proxy and say little or nothing. */
import * as net from 'node:net';
import { connect as connectTls } from 'node:tls';
import t, { type Test } from 'tap';

import type { InboundPolicy } from '../../api/routing.ts';
import { Crowd } from '../../core/testing/crowd.ts';
import { clientHello } from '../../proxy/transport/testing/client-hello.ts';
import { eitherVersion } from '../support/either-version.ts';
import { eventually } from '../support/eventually.ts';
import { request } from '../support/http-request.ts';
import { identityOf, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();

/** An application that counts its connections, and its proxy. */
async function victim(t: Test, mode: InboundPolicy['mode'], options: ConstructorParameters<typeof TestProxy>[2] = {}) {
  let connections = 0;
  const application = net.createServer((socket) => {
    connections++;
    socket.on('error', () => {}).resume();
  });
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
  const proxy = new TestProxy('api', authority, {
    inbound: { defaultPolicy: { mode, origin: 'test' } },
    limits: { headerTimeoutMs: 300 },
    ...options,
  });
  const { port } = application.address() as net.AddressInfo;
  const place = { host: '127.0.0.1', port: await proxy.listenInbound(port) };
  t.teardown(() => {
    proxy.close();
    application.close();
  });
  return { place, proxy, connections: () => connections };
}

function counted(proxy: TestProxy, limit: string): number {
  const pattern = new RegExp(`^weft_limit_exceeded_total\\{.*limit="${limit}"\\} (\\d+)$`, 'm');
  return Number(pattern.exec(proxy.metrics.registry.text())?.[1] ?? 0);
}

const refusing = ['deny', 'all-authenticated', 'cluster-authenticated'] as const;
for (const mode of refusing) {
  t.test(`${mode} has nothing dialled for who says nothing, and ends it`, async (t) => {
    const { place, proxy, connections } = await victim(t, mode);
    const crowd = await Crowd.gather(t, place, 50, '127.0.0.2');
    t.ok(await eventually(() => crowd.size === 0, 5000), 'all are ended');
    t.equal(connections(), 0);
    t.match(proxy.metrics.registry.text(), /inbound_tcp_authz_deny_total\{[^}]*\} 50/);
  });

  t.test(`${mode} has nothing dialled for octets`, async (t) => {
    const { place, connections } = await victim(t, mode);
    const crowd = await Crowd.gather(t, place, 50, '127.0.0.2', '\0\0\0\0');
    t.ok(await eventually(() => crowd.size === 0, 5000), 'all are ended');
    t.equal(connections(), 0);
  });
}

t.test('one address cannot fill a listener', async (t) => {
  const application = await eitherVersion();
  const proxy = new TestProxy('api', authority, {
    maxConnections: 40,
    inbound: {
      ports: [
        {
          port: application.port,
          protocol: 'http1',
          policy: { mode: 'all-unauthenticated', origin: 'test' },
          routes: {},
        },
      ],
    },
  });
  t.teardown(() => {
    proxy.close();
    application.close();
  });
  const place = { host: '127.0.0.1', port: await proxy.listenInbound(application.port) };
  const ask = () =>
    request(place.port).then(
      ({ status }) => status,
      ({ message }: Error) => message,
    );
  await t.test('with silence', async (t) => {
    await Crowd.gather(t, place, 100, '127.0.0.2');
    t.equal(await ask(), 200);
  });
  await t.test('with requests', async (t) => {
    await Crowd.gather(t, place, 100, '127.0.0.2', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    t.equal(await ask(), 200);
  });
  t.ok(counted(proxy, 'connection_limit') > 100);
});

t.test('handshakes that go no further do not keep an honest one waiting', async (t) => {
  const { place, proxy } = await victim(t, 'all-unauthenticated');
  const hello = await clientHello({ servername: identityOf('api') });
  await Crowd.gather(t, place, 1_000, '127.0.0.2', hello);
  const begun = performance.now();
  const honest = connectTls({ ...place, servername: identityOf('api'), rejectUnauthorized: false });
  await new Promise((resolve, reject) => honest.on('secureConnect', resolve).on('error', reject));
  honest.destroy();
  t.comment(`${Math.round(performance.now() - begun)} ms`);
  t.ok(counted(proxy, 'handshake_limit') >= 480, `${counted(proxy, 'handshake_limit')} were cut off`);
});
