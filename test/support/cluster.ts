/** What the tests on a cluster share: the image, workloads whose server is one line of JavaScript, and requests from pods. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { kubectl, type Outcome, run } from './kubectl.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
/** The image that is tested: it holds the programs and Node. */
export const IMAGE = process.env.WEFT_TEST_IMAGE ?? 'localhost/weft/weft:0.1.0';
/** The namespace of the workloads; labelled for injection. */
export const NAMESPACE = 'weft-test';

/** Runs the CLI. */
export function weft(...args: string[]): Promise<Outcome> {
  return run(process.execPath, [join(root, 'cli/main.ts'), ...args]);
}

/** The same, for what takes longer than most. */
export function weftWithin(timeoutMs: number, ...args: string[]): Promise<Outcome> {
  return run(process.execPath, [join(root, 'cli/main.ts'), ...args], '', timeoutMs);
}

/**
 * A server as one line of JavaScript. `/status/N` answers N, `/slow/N` answers after N milliseconds, `/healthz` answers
 * 503 from SIGUSR2 until SIGHUP; port 3306 speaks first.
 * It ends as a server should: accepts no more, finishes what it has.
 */
export const SERVER = [
  "const http = require('http'), net = require('net'); let isReady = true, isEnding = false;",
  "const server = http.createServer((q, r) => { q.resume(); const [, kind, value] = q.url.split('/');",
  "const status = kind === 'status' ? +value : kind === 'healthz' && !isReady ? 503 : 200;",
  "setTimeout(() => r.writeHead(status, isEnding ? { connection: 'close' } : {}).end(JSON.stringify({ pod: process.env.HOSTNAME, headers: q.headers })), kind === 'slow' ? +value : 0); }).listen(8080, '::');",
  "net.createServer((s) => { s.on('error', () => {}); s.write('hello\\n'); s.on('data', (c) => s.end('you said ' + c)); }).listen(3306, '::');",
  "process.on('SIGUSR2', () => { isReady = false; }); process.on('SIGHUP', () => { isReady = true; });",
  "process.on('SIGTERM', () => { isEnding = true; server.close(() => process.exit(0)); server.closeIdleConnections(); });",
].join(' ');
/** A program that waits for its end. */
export const IDLE = "setInterval(() => {}, 1e9); process.on('SIGTERM', () => process.exit(0))";

/** A container that runs a line of JavaScript on the image's Node. */
export function container(name: string, script: string, extra: object = {}): object {
  return { name, image: IMAGE, imagePullPolicy: 'IfNotPresent', command: ['/usr/bin/node', '-e', script], ...extra };
}

/** A Deployment or StatefulSet of the test's namespace, with a service account of its own name. */
export function workload(
  kind: 'Deployment' | 'StatefulSet',
  name: string,
  replicas: number,
  spec: object,
  annotations: object = {},
): object {
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace: NAMESPACE },
    spec: {
      replicas,
      ...(kind === 'StatefulSet' ? { serviceName: name } : {}),
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name }, annotations },
        spec: {
          serviceAccountName: name,
          terminationGracePeriodSeconds: 10,
          securityContext: { runAsUser: 1000 },
          ...spec,
        },
      },
    },
  };
}

/** A request made by the container of the first pod of a Deployment. */
export async function request(
  from: string,
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string; headers: Record<string, string> }> {
  const script = `fetch(${JSON.stringify(url)}, { headers: ${JSON.stringify(headers)} }).then(async (r) => console.log(JSON.stringify({ status: r.status, body: await r.text(), headers: Object.fromEntries(r.headers) })), (e) => console.log(JSON.stringify({ status: 0, body: String(e.cause || e), headers: {} })))`;
  return JSON.parse(
    await kubectl('-n', NAMESPACE, 'exec', `deploy/${from}`, '-c', from, '--', '/usr/bin/node', '-e', script),
  );
}

/** The address of the first pod of an app. */
export async function podIp(app: string): Promise<string> {
  return (await podIps(app))[0] ?? '';
}

/** The addresses of all pods of an app. */
export async function podIps(app: string): Promise<string[]> {
  const path = 'jsonpath={.items[*].status.podIP}';
  return (await kubectl('-n', NAMESPACE, 'get', 'pods', '-l', `app=${app}`, '-o', path)).split(' ').filter(Boolean);
}

/** What the proxy of an app's first pod counts. */
export async function metrics(app: string): Promise<string> {
  return (await fetch(`http://${await podIp(app)}:4191/metrics`)).text();
}
