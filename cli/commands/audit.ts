import { readFileSync } from 'node:fs';

import { oneOf } from '../../core/config/setting-kinds.ts';
import { isFinished } from '../../destination/objects/kubernetes/pod.ts';
import { inboundConfig } from '../../destination/translate/inbound-config.ts';
import { toText } from '../../manifests/render.ts';
import { askProxies } from '../audit/ask-proxies.ts';
import { type Dialect, generatePolicies } from '../audit/generate.ts';
import { judgeCaller } from '../audit/judge-caller.ts';
import { plaintextCallers, type StrictScope, unmeshedWorkloads } from '../audit/mutual-tls.ts';
import { callerName, type ObservedPod, observedCallers, type UnheardPod } from '../audit/observed.ts';
import { type Command, UsageError } from '../command.ts';
import { readArguments, readValue } from '../command-line.ts';
import { findObjects } from '../state/find-objects.ts';
import { type FoundObjects, MeshState } from '../state/mesh-state.ts';
import { readPaths } from '../state/read-paths.ts';
import { tableLines } from '../table.ts';
import { LABEL } from '../value-kinds.ts';

/** `weft audit`. */
export const audit: Command = {
  name: 'audit',
  summary: 'say from live traffic whom STRICT or a policy would cut off (mtls, authz), and write policies (--generate)',
  help: `usage: weft audit mtls [-n NAMESPACE] [--strict SCOPE] [-o json]
       weft audit authz -f POLICY... [-n NAMESPACE] [-o json]
       weft audit authz --generate istio|linkerd [-n NAMESPACE]
       weft audit callers [-n NAMESPACE]

Each proxy keeps count of who has come in: the identity, or the address of one that proves none; the port; HTTP or octets; the
method and the name of the route. Nothing of what is said, and no path. The command asks the proxies of the cluster of
KUBECONFIG by pods/portforward, with your own rights, and judges what they have seen by the code of the control plane.

mtls    who speaks in the clear to whom, and why; and which workloads have no proxy, and why. With --strict NAMESPACE,
        NAMESPACE/deployment/NAME or either with :PORT, those alone who would be cut off if that went STRICT now. Exit code 1:
        there are some.
authz   what would become of everybody who was seen if the policies of -f were applied too: allowed and by which rule,
        refused and why, or unknown: it depends on what is not kept, as paths and headers. Exit code 1: somebody would be
        refused who is let in now, or it is not known.
        With --generate, the narrowest policies that let in what was seen and not refused, in Istio's words or Linkerd's.
callers what was seen, as JSON, for --callers.

  -n, --namespace NAME  servers of this namespace alone; default: of all
  -f, --filename PATH   policies that are not applied yet: a file, a folder, or - for standard input; repeatable
  --callers FILE        what "weft audit callers" has printed, in place of asking
  --state PATH          objects of files and folders in place of the cluster's; repeatable
  -o json               print the rows
`,
  async run(args) {
    const { values, positionals } = readArguments(
      'audit',
      args,
      {
        namespace: { type: 'string', short: 'n' },
        strict: { type: 'string' },
        filename: { type: 'string', short: 'f', multiple: true, default: [] },
        generate: { type: 'string' },
        callers: { type: 'string' },
        state: { type: 'string', multiple: true, default: [] },
        output: { type: 'string', short: 'o', default: 'table' },
      },
      ['mtls, authz or callers'],
    );
    const isJson = readValue('-o', values.output, oneOf(['table', 'json'])) === 'json';
    const what = readValue('weft audit', positionals[0]!, oneOf(['mtls', 'authz', 'callers'] as const));
    const namespace = values.namespace === undefined ? null : readValue('-n', values.namespace, LABEL);
    const generated =
      values.generate === undefined
        ? null
        : readValue('--generate', values.generate, oneOf(['istio', 'linkerd'] as const));
    const scope = values.strict === undefined ? null : parseScope(values.strict);
    if (what === 'authz' && values.filename.length > 0 === (generated !== null))
      throw new UsageError('weft audit authz wants policies with -f, or --generate', 'weft audit --help explains it');
    const found = await findObjects(values.state);
    const { state, observed } = await observe(found, namespace, values.callers ?? null);
    switch (what) {
      case 'callers':
        return print([JSON.stringify(observed, null, 2)], 0);
      case 'mtls':
        return reportMutualTls(state, observed, { scope, namespace }, isJson);
      default:
        return generated
          ? printPolicies(state, observed, generated)
          : reportPolicies(state, withPolicies(found, values.filename), observed, isJson);
    }
  },
};

async function observe(
  found: FoundObjects,
  namespace: string | null,
  file: string | null,
): Promise<{ state: MeshState; observed: readonly ObservedPod[] }> {
  const state = new MeshState(found);
  const isAsked = (of: string) => namespace === null || of === namespace;
  if (file !== null) {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as ObservedPod[];
    return { state, observed: kept.filter((pod) => isAsked(pod.namespace)) };
  }
  const pods = [...state.objects.list('Pod')].filter(
    (pod) =>
      pod.controlNamespace === state.domain.controlNamespace &&
      pod.phase === 'Running' &&
      !isFinished(pod) &&
      isAsked(pod.namespace),
  );
  const { observed, unheard } = await askProxies(pods);
  tellOf(observed, unheard);
  return { state, observed };
}

/** What the answer does not know, on standard error: nothing is left out silently. */
function tellOf(observed: readonly ObservedPod[], unheard: readonly UnheardPod[]): void {
  const tell = (line: string) => process.stderr.write(`${line}\n`);
  if (observed.length === 0 && unheard.length === 0) tell('no pod runs with a proxy there');
  for (const { namespace, pod, why } of unheard) tell(`not heard: ${namespace}/${pod}: ${why}`);
  for (const { namespace, pod, page } of observed)
    if (page.dropped > 0) tell(`${namespace}/${pod}: ${page.dropped} callers found no room to be kept`);
  const youngest = observed
    .map(({ page }) => page.since)
    .sort()
    .at(-1);
  if (youngest) tell(`every proxy that was heard has kept count since ${youngest}`);
}

function reportMutualTls(
  state: MeshState,
  observed: readonly ObservedPod[],
  { scope, namespace }: { readonly scope: StrictScope | null; readonly namespace: string | null },
  isJson: boolean,
): number {
  const callers = plaintextCallers(state, observedCallers(state, observed), scope);
  const withoutProxy = unmeshedWorkloads(state, scope?.namespace ?? namespace);
  if (isJson) print([JSON.stringify({ callers, withoutProxy }, null, 2)], 0);
  else if (callers.length === 0) print(['nobody has come in the clear'], 0);
  else
    print(
      tableLines([
        ['SERVER', 'PORT', 'CLIENT', 'AS', 'COUNT', 'LAST', 'WHY'],
        ...callers.map(({ server, port, client, carried, count, last, why }) => [
          server,
          String(port),
          client,
          carried,
          String(count),
          last,
          why,
        ]),
      ]),
      0,
    );
  if (!isJson && withoutProxy.length > 0)
    print(
      ['', ...tableLines([['WITHOUT A PROXY', 'WHY'], ...withoutProxy.map(({ workload, why }) => [workload, why])])],
      0,
    );
  return scope !== null && callers.length > 0 ? 1 : 0;
}

/** What is there, with policies over it that are not. */
function withPolicies(found: FoundObjects, paths: readonly string[]): MeshState {
  const added = readPaths(paths);
  const key = ({ kind, raw }: FoundObjects['puts'][number]) => {
    const { namespace = '', name = '' } = raw.metadata as { namespace?: string; name?: string };
    return `${kind}/${namespace}/${name}`;
  };
  const replaced = new Set(added.puts.map(key));
  const puts = [...found.puts.filter((put) => !replaced.has(key(put))), ...added.puts];
  return new MeshState({ ...found, puts, faults: added.faults });
}

function reportPolicies(state: MeshState, next: MeshState, observed: readonly ObservedPod[], isJson: boolean): number {
  for (const { object, place, path, message } of next.reports)
    process.stderr.write(`${place} ${object?.kind ?? ''}/${object?.name ?? ''} ${path}: ${message}\n`);
  const rows = observedCallers(state, observed).map(({ server, pod, entry }) => {
    const judged = (each: MeshState) =>
      judgeCaller(inboundConfig({ cluster: each.cluster, domain: each.domain, complain: () => {} }, pod), entry);
    return { server, client: callerName(state, entry), entry, now: judged(state), after: judged(next) };
  });
  if (isJson) print([JSON.stringify(rows, null, 2)], 0);
  else
    print(
      tableLines([
        ['SERVER', 'PORT', 'CLIENT', 'AS', 'ROUTE', 'COUNT', 'THEN', 'BY'],
        ...rows.map(({ server, client, entry, after }) => [
          server,
          String(entry.port),
          client,
          entry.carried === 'octets' ? 'octets' : entry.method || 'http',
          entry.route || '-',
          String(entry.count),
          after.verdict,
          after.why || after.by,
        ]),
      ]),
      0,
    );
  return rows.some(({ now, after }) => now.verdict === 'allowed' && after.verdict !== 'allowed') ? 1 : 0;
}

function printPolicies(state: MeshState, observed: readonly ObservedPod[], dialect: Dialect): number {
  const policies = generatePolicies(state, observedCallers(state, observed), dialect);
  if (policies.length === 0) process.stderr.write('nobody has been seen that a policy could be written for\n');
  process.stdout.write(toText(policies, 'yaml'));
  return 0;
}

/** `shop`, `shop:8080`, `shop/deployment/api`, `shop/deployment/api:8080`. @throws UsageError */
function parseScope(text: string): StrictScope {
  const [, namespace = '', workload, port] =
    /^([a-z0-9-]+)(?:\/([a-z]+\/[a-z0-9.-]+))?(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (namespace === '')
    throw new UsageError(
      `--strict "${text}" is no scope`,
      'write NAMESPACE, NAMESPACE/deployment/NAME, or either with :PORT',
    );
  return { namespace, workload: workload ?? null, port: port === undefined ? null : Number(port) };
}

function print(lines: readonly string[], code: number): number {
  process.stdout.write(`${lines.join('\n')}\n`);
  return code;
}
