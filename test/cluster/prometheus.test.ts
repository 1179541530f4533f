/** docs/prometheus.md by its words: a real Prometheus scrapes an injected workload with what Weft ships. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parse, stringify } from 'yaml';

import { container, IMAGE, SERVER, weft } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { apply, kubectl, run } from '../support/kubectl.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const page = readFileSync(join(root, 'docs/prometheus.md'), 'utf8');
const shipped = join(root, 'manifests/prometheus/prometheus.yml');
const SHOP = 'weft-scraped';
const LOAD = `setInterval(() => fetch('http://web.${SHOP}/status/200').then((r) => r.text(), () => {}), 100)`;
const meta = (name: string) => ({ name, namespace: SHOP });
const deployment = (name: string, script: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: meta(name),
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 1,
        securityContext: { runAsUser: 1000 },
        containers: [container(name, script)],
      },
    },
  },
});
const objects = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SHOP, labels: { 'weft.dev/inject': 'enabled' } } },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta('web'),
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: 'linkerd.io/v1alpha2',
    kind: 'ServiceProfile',
    metadata: meta(`web.${SHOP}.svc.cluster.local`),
    spec: { routes: [{ name: 'status', condition: { pathRegex: '/status/.*' } }] },
  },
  deployment('web', SERVER),
  deployment('client', LOAD),
];

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

const prometheus = (await run('prometheus', ['--version'])).code === 0;

t.test('docs/prometheus.md', { skip: prometheus ? false : 'prometheus is not installed' }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-prometheus-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  await apply((await weft('install', '--crds=all')).out);
  if ((await weft('check')).code !== 0) await apply((await weft('install', '--image', IMAGE)).out);
  t.ok(await eventually(async () => (await weft('check')).code === 0, 120_000), 'Weft is installed');
  await apply(objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  t.teardown(() => kubectl('delete', 'namespace', SHOP, '--wait=false'));
  for (const name of ['web', 'client'])
    await kubectl('-n', SHOP, 'rollout', 'status', `deployment/${name}`, '--timeout=120s');

  const config = join(folder, 'prometheus.yml');
  writeFileSync(config, await configuration(folder));
  const port = await freePort();
  const process = spawn(
    'prometheus',
    [`--config.file=${config}`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  process.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const ended = new Promise((resolve) => process.on('close', resolve));
  t.teardown(async () => {
    process.kill('SIGTERM');
    await ended;
  });
  const ask = async (query: string): Promise<readonly Series[]> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`);
    const { data, error } = (await answer.json()) as { data?: { result: Series[] }; error?: string };
    if (!data) throw new Error(`${query}: ${error}`);
    return data.result;
  };
  const workloads = (series: readonly Series[]) =>
    [...new Set(series.map(({ metric }) => `${metric.namespace}/${metric.workload}`))].sort();

  await t.test('every proxy and the control plane are scraped', async (t) => {
    const expected = [`${SHOP}/client`, `${SHOP}/web`];
    const isUp = async () => {
      const series = await ask('up{job="weft-proxy"} == 1');
      return expected.every((name) => workloads(series).includes(name));
    };
    t.ok(await eventually(isUp, 60_000), log);
    const [web] = await ask(`up{job="weft-proxy", namespace="${SHOP}", deployment="web"}`);
    t.match(web?.metric, { namespace: SHOP, pod: /^web-/, workload: 'web', deployment: 'web', job: 'weft-proxy' });
    const control = ['weft/weft-destination', 'weft/weft-identity', 'weft/weft-webhook'];
    const ofControl = async () => workloads(await ask('up{job="weft-control-plane"} == 1'));
    await eventually(async () => (await ofControl()).length === control.length);
    t.same(await ofControl(), control);
  });

  await t.test('no label of a proxy is in the way of those of its pod', async (t) => {
    t.same(await ask('{job=~"weft-.*", __name__=~".+", exported_namespace!=""}'), []);
    t.same(await ask('{job=~"weft-.*", __name__=~".+", exported_pod!=""}'), []);
    t.same(await ask('{job=~"weft-.*", __name__=~".+", exported_job!=""}'), []);
  });

  for (const [, query] of page.matchAll(/```promql\n(.*?)```/gs)) {
    // The first block holds a query a line, each other block one query.
    for (const each of query!.startsWith('up') ? query!.trim().split('\n') : [query!]) {
      await t.test(`has series by workload: ${each.replaceAll('\n', ' ').slice(0, 90)}`, async (t) => {
        const isThere = async () => (await ask(each)).some(({ value }) => Number.isFinite(Number(value[1])));
        t.ok(await eventually(isThere, 90_000), JSON.stringify(await ask(each)));
        for (const { metric } of await ask(each)) t.ok(metric.namespace && metric.workload, JSON.stringify(metric));
      });
    }
  }
});

/**
 * The configuration that Weft ships, for a Prometheus that is not in the cluster: it finds pods with this KUBECONFIG, or,
 * where it is built without Kubernetes' discovery, in a file that says of them what that would say.
 */
async function configuration(folder: string): Promise<string> {
  const config = parse(readFileSync(shipped, 'utf8'), { merge: true }) as { scrape_configs: Record<string, unknown>[] };
  const hasDiscovery = (await run('promtool', ['check', 'config', shipped])).code === 0;
  const file = join(folder, 'pods.json');
  if (!hasDiscovery) writeFileSync(file, JSON.stringify(await discovered()));
  for (const job of config.scrape_configs) {
    const { kubernetes_sd_configs: discovery, ...rest } = job as { kubernetes_sd_configs: object[] };
    for (const key of Object.keys(job)) delete job[key];
    Object.assign(
      job,
      rest,
      hasDiscovery
        ? { kubernetes_sd_configs: discovery.map((each) => ({ ...each, kubeconfig_file: process.env.KUBECONFIG })) }
        : { file_sd_configs: [{ files: [file] }] },
    );
  }
  return stringify({ global: { scrape_interval: '2s' }, ...config }, { aliasDuplicateObjects: false });
}

interface FoundContainer {
  readonly name: string;
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
}
interface FoundPod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly controller?: boolean;
    }[];
  };
  readonly spec: {
    readonly containers: readonly FoundContainer[];
    readonly initContainers?: readonly FoundContainer[];
  };
  readonly status: { readonly podIP?: string; readonly phase: string };
}

/**
 * A target for each port of each container, with the labels that relabelling is given. Source:
 * https://prometheus.io/docs/prometheus/latest/configuration/configuration/#pod
 */
async function discovered(): Promise<object[]> {
  const { items } = JSON.parse(await kubectl('get', 'pods', '-A', '-o', 'json')) as { items: FoundPod[] };
  return items.flatMap(({ metadata, spec, status }) =>
    [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ name, ports = [] }) =>
      ports.map((port) => {
        const owner = metadata.ownerReferences?.find(({ controller }) => controller);
        const labels = Object.entries(metadata.labels ?? {}).map(([key, value]) => [
          `__meta_kubernetes_pod_label_${key.replace(/[^a-zA-Z0-9_]/g, '_')}`,
          value,
        ]);
        return {
          targets: [`${status.podIP}:${port.containerPort}`],
          labels: {
            ...Object.fromEntries(labels),
            __meta_kubernetes_namespace: metadata.namespace,
            __meta_kubernetes_pod_name: metadata.name,
            __meta_kubernetes_pod_phase: status.phase,
            __meta_kubernetes_pod_container_name: name,
            __meta_kubernetes_pod_container_port_name: port.name ?? '',
            ...(owner && {
              __meta_kubernetes_pod_controller_kind: owner.kind,
              __meta_kubernetes_pod_controller_name: owner.name,
            }),
          },
        };
      }),
    ),
  );
}
