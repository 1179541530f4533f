import t from 'tap';

import type { Container } from './pod-template.ts';
import { probePathsOf } from './probe-paths.ts';

const probing = (probes: object, name = 'app'): Container => ({
  name,
  ports: [{ name: 'web', containerPort: 80 }, { containerPort: 81 }],
  ...probes,
});
const get = (port: unknown, path?: string, scheme?: string) => ({
  httpGet: { port, ...(path !== undefined && { path }), ...(scheme !== undefined && { scheme }) },
});

t.test('the three probes of each container are listed by port, sorted', async (t) => {
  t.same(
    probePathsOf([
      probing({ startupProbe: get(100, '/start'), readinessProbe: get(9, '/ready'), livenessProbe: get(9, '/live') }),
      probing({ livenessProbe: get(9, '/also') }, 'other'),
    ]),
    { 9: ['/also', '/live', '/ready'], 100: ['/start'] },
  );
  t.equal(
    JSON.stringify(probePathsOf([probing({ startupProbe: get(9, '/b'), livenessProbe: get(9, '/a') })])),
    '{"9":["/a","/b"]}',
  );
  t.same(probePathsOf([probing({ startupProbe: get(9, '/a'), livenessProbe: get(9, '/a') })]), { 9: ['/a'] });
  t.same(probePathsOf([probing({})]), {});
  t.same(probePathsOf([probing({ lifecycle: get(9, '/a') })]), {}, 'other fields are no probes');
});

t.test('the hooks of a container are asked for as its probes are', async (t) => {
  t.same(probePathsOf([probing({ lifecycle: { postStart: get('web', '/warm'), preStop: get(9, 'drain?now') } })]), {
    9: ['/drain?now'],
    80: ['/warm'],
  });
  for (const hook of [{ exec: { command: ['x'] } }, { tcpSocket: { port: 9 } }, { sleep: { seconds: 1 } }, null])
    t.same(probePathsOf([probing({ lifecycle: { preStop: hook } })]), {});
  t.same(probePathsOf([probing({ lifecycle: null })]), {});
});

t.test('a port may be named as its container names it', async (t) => {
  t.same(probePathsOf([probing({ livenessProbe: get('web', '/a') })]), { 80: ['/a'] });
  t.same(probePathsOf([probing({ livenessProbe: get('other', '/a') })]), {});
  t.same(probePathsOf([probing({ livenessProbe: get(undefined, '/a') })]), {});
  t.same(probePathsOf([{ name: 'app', livenessProbe: get('web', '/a') }]), {});
});

t.test('a path is what the kubelet asks for: with its query and a slash', async (t) => {
  for (const [path, asked] of [
    ['/a?b=c', '/a?b=c'],
    ['/a?b#c', '/a?b'],
    ['a', '/a'],
    ['', '/'],
    [undefined, '/'],
    ['?x', '/?x'],
  ] as const)
    t.same(probePathsOf([probing({ livenessProbe: get(9, path) })]), { 9: [asked] }, `${path}`);
});

t.test('HTTPS passes through unseen, gRPC asks for its health check', async (t) => {
  t.same(probePathsOf([probing({ livenessProbe: get(9, '/a', 'HTTPS') })]), {});
  t.same(probePathsOf([probing({ livenessProbe: get(9, '/a', 'HTTP') })]), { 9: ['/a'] });
  t.same(probePathsOf([probing({ livenessProbe: { grpc: { port: 9 } } })]), { 9: ['/grpc.health.v1.Health/Check'] });
  t.same(probePathsOf([probing({ livenessProbe: { tcpSocket: { port: 9 } } })]), {});
  t.same(probePathsOf([probing({ livenessProbe: null, startupProbe: 7, readinessProbe: { httpGet: null } })]), {});
});
