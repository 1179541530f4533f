/** What the kubelet asks of a pod is answered in every mode of mutual TLS, and under a policy that lets nobody in. */
import t from 'tap';

import { container, SERVER } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { apply, kubectl, run } from '../support/kubectl.ts';

const SPACE = 'probed';
/** A gRPC health service on port 9090 that says SERVING (grpc/doc/health-checking.md). */
const HEALTH = [
  "const h2 = require('http2').createServer(); h2.on('stream', (s) => { s.on('wantTrailers', () => s.sendTrailers({ 'grpc-status': '0' }));",
  "s.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true }); s.end(Buffer.from([0, 0, 0, 0, 2, 8, 1])); });",
  "h2.listen(9090, '::');",
].join(' ');
/** Another server, which a native sidecar is; it counts what hooks ask, for its own readiness. */
const SIDECAR = `${SERVER.replaceAll('8080', '8081').replaceAll('3306', '3307')}`;

const every = { periodSeconds: 1, timeoutSeconds: 2, failureThreshold: 2 };
const http = (path: string, port: number | string = 8080) => ({ httpGet: { path, port } });

const pod = (mode: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: mode.toLowerCase(), namespace: SPACE },
  spec: {
    selector: { matchLabels: { app: mode.toLowerCase() } },
    template: {
      metadata: { labels: { app: mode.toLowerCase() } },
      spec: {
        terminationGracePeriodSeconds: 5,
        securityContext: { runAsUser: 1000 },
        initContainers: [
          container('sidecar', SIDECAR, {
            restartPolicy: 'Always',
            ports: [{ name: 'side', containerPort: 8081 }],
            startupProbe: { ...http('/healthz?of=sidecar', 'side'), ...every, failureThreshold: 30 },
            livenessProbe: { ...http('/healthz', 8081), ...every },
          }),
        ],
        containers: [
          container('http', SERVER, {
            ports: [{ name: 'web', containerPort: 8080 }],
            lifecycle: {
              postStart: http('/status/200/?hook=start', 8081),
              preStop: http('/status/200/?hook=stop', 8081),
            },
            startupProbe: { ...http('/healthz?first', 'web'), ...every, failureThreshold: 30 },
            readinessProbe: { ...http('/healthz?a=1&b=%2F'), ...every },
            livenessProbe: { tcpSocket: { port: 8080 }, ...every },
          }),
          container('grpc', HEALTH, {
            ports: [{ containerPort: 9090 }],
            readinessProbe: { grpc: { port: 9090 }, ...every },
            livenessProbe: {
              exec: { command: ['/usr/bin/node', '-e', 'process.exit(0)'] },
              ...every,
              timeoutSeconds: 5,
            },
          }),
        ],
      },
    },
  },
});

const istio = (kind: string, name: string, spec: object) => ({
  apiVersion: 'security.istio.io/v1',
  kind,
  metadata: { name, namespace: SPACE },
  spec,
});

const MODES = ['STRICT', 'PERMISSIVE', 'DISABLE', 'UNSET'];

t.test('probes and hooks of every kind are answered in every mode, though a policy lets nobody in', async (t) => {
  t.teardown(() => run('kubectl', ['delete', 'namespace', SPACE, '--ignore-not-found', '--wait=false']));
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SPACE, labels: { 'weft.dev/inject': 'enabled' } } },
    istio('AuthorizationPolicy', 'nobody', {}),
    ...MODES.flatMap((mode) => [
      istio('PeerAuthentication', mode.toLowerCase(), {
        selector: { matchLabels: { app: mode.toLowerCase() } },
        mtls: { mode },
      }),
      pod(mode),
    ]),
  ];
  await apply(objects.map((object) => `---\n${JSON.stringify(object)}\n`).join(''));
  const pods = (path: string) => kubectl('-n', SPACE, 'get', 'pods', '-o', `jsonpath={range .items[*]}${path} {end}`);
  for (const mode of MODES)
    await t.test(mode, async (t) => {
      const rollout = ['rollout', 'status', `deployment/${mode.toLowerCase()}`, '--timeout=120s'];
      const { code, error } = await run('kubectl', ['-n', SPACE, ...rollout]);
      t.equal(code, 0, error);
    });
  // Liveness fails twice before a restart: some rounds of it have to have passed.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  t.match(await pods('{.status.containerStatuses[*].restartCount}'), /^(0 0( 0)? )+$/, 'nothing was restarted');
  const restarts = '{.status.initContainerStatuses[?(@.name=="sidecar")].restartCount}';
  t.same(
    (await pods(restarts)).trim().split(/\s+/),
    MODES.map(() => '0'),
  );
  const stranger = await run('kubectl', [
    '-n',
    SPACE,
    'get',
    'pods',
    '-l',
    'app=permissive',
    '-o',
    'jsonpath={.items[0].status.podIP}',
  ]);
  t.equal((await fetch(`http://${stranger.out}:8080/other`)).status, 403, 'and nobody else is let in');
  const began = Date.now();
  await kubectl('-n', SPACE, 'delete', 'pods', '--all', '--wait=true');
  t.comment(`pods ended after ${Math.round((Date.now() - began) / 1000)} s`);
  const events = await kubectl('-n', SPACE, 'get', 'events', '-o', 'jsonpath={.items[*].reason}');
  t.notMatch(events, /FailedPreStopHook|FailedPostStartHook/, 'hooks were answered');
  t.ok(
    await eventually(async () => (await pods('{.status.phase}')).includes('Running')),
    'and those that follow come up',
  );
});
