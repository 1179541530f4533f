import { join } from 'node:path';

import { dnsIdentity, parseSpiffeIdentity } from '../../../api/workload-identity.ts';
import { PortRanges } from '../../../core/config/port-ranges.ts';
import { Random } from '../../../core/testing/random.ts';
import { clusterOf, TEST_DOMAIN } from '../../../destination/testing/cluster.ts';
import { inboundConfig } from '../../../destination/translate/inbound-config.ts';
import { InboundPorts } from '../../../proxy/inbound/ports.ts';
import { Metrics } from '../../../proxy/telemetry/metrics.ts';
import { LineProcess } from '../line-process.ts';
import { type Outcome, skip } from '../outcome.ts';
import { isThere, ROOT } from '../program.ts';
import { type Ask, type GeneratedPolicy, PolicyGenerator } from './policy-generator.ts';

/**
 * Compares what a proxy makes of AuthorizationPolicies, translated and compiled, with what an evaluator says that was written
 * from their reference page alone, in another language. SEED and COUNT (of policies times requests) choose.
 */
export async function runAccess(): Promise<Outcome> {
  if (!(await isThere('python3'))) return skip('access policies against their reference page', 'python3 is missing');
  const oracle = new LineProcess('python3', [join(ROOT, 'test/conformance/access/istio_policy.py')]);
  const count = Number(process.env.COUNT ?? 20_000);
  const seed = Number(process.env.SEED ?? 1);
  let [asked, failed, allowed] = [0, 0, 0];
  for (let i = 0; asked < count; i++) {
    const generator = new PolicyGenerator(new Random(seed * 1_000_003 + i));
    const policies = generator.policies();
    const asks = generator.asks(ASKS);
    const [theirs = ''] = await oracle.ask(`${JSON.stringify({ roots: ROOTS, pod: POD, policies, asks })}\n`, 1);
    const judge = judgeOf(policies);
    for (const [at, ask] of asks.entries()) {
      asked++;
      const ours = judge(ask);
      if (ours === 'a') allowed++;
      if (ours === theirs[at]) continue;
      if (failed++ < 5)
        console.log(`  seed ${seed}, ${i}: ${theirs[at]}, here ${ours}: ${JSON.stringify({ policies, ask })}`);
    }
  }
  oracle.end();
  console.log(`access: ${asked} requests judged by Istio's policies, ${asked - failed} alike, ${allowed} let in`);
  return { passed: asked - failed, failed, skipped: [] };
}

/** What the proxy says, once it is told what destination makes of the policies. */
function judgeOf(policies: readonly GeneratedPolicy[]): (ask: Ask) => 'a' | 'd' {
  const { inquiry, source, reports } = clusterOf(
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: POD.namespace, name: 'api-1', labels: POD.labels },
      spec: { serviceAccountName: 'api', containers: [{ name: 'api', ports: [{ containerPort: 8080 }] }] },
      status: { phase: 'Running', podIP: POD.ip },
    },
    ...policies.map(({ namespace, name, dryRun, spec }) => ({
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { namespace, name, ...(dryRun && { annotations: { 'istio.io/dry-run': 'true' } }) },
      spec,
    })),
  );
  const malformed = reports.current().find(({ severity }) => severity !== 'warning');
  if (malformed) throw new Error(`a policy was not understood: ${malformed.path} ${malformed.message}`);
  const [pod] = [...source.objects.list('Pod')];
  const own = { identity: '', spiffe: '' };
  const faults: string[] = [];
  const ports = new InboundPorts(inboundConfig(inquiry, pod!), PortRanges.EMPTY, new Metrics(), own, (fault) =>
    faults.push(fault),
  );
  if (faults.length > 0) throw new Error(faults.join('; '));
  return ({ principal, address, port, sni, octets, method, path, host, headers }) => {
    const spiffe = principal === '' ? '' : `spiffe://${principal}`;
    const workload = parseSpiffeIdentity(spiffe, TEST_DOMAIN);
    const identity = workload ? dnsIdentity(workload, TEST_DOMAIN) : '';
    const client = { identity, spiffe, certificateHash: '', address, isLocal: false };
    const request = { method, path, authority: host, scheme: 'http', fields: Object.entries(headers).flat() };
    const { isRefused } = octets ? ports.judgeOctets(port, client, sni) : ports.judgeRequest(port, client, request);
    return isRefused ? 'd' : 'a';
  };
}

const ASKS = 20;
const POD = { namespace: 'default', labels: { app: 'api', tier: 'back' }, ip: '10.9.0.1' };
const ROOTS = ['istio-system', TEST_DOMAIN.controlNamespace];
