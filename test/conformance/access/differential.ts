import { join } from 'node:path';

import { dnsIdentity, parseSpiffeIdentity, spiffeIdentity } from '../../../api/workload-identity.ts';
import { PortRanges } from '../../../core/config/port-ranges.ts';
import { Random } from '../../../core/testing/random.ts';
import { clusterOf, TEST_DOMAIN } from '../../../destination/testing/cluster.ts';
import { inboundConfig } from '../../../destination/translate/inbound-config.ts';
import { InboundPorts } from '../../../proxy/inbound/ports.ts';
import { Metrics } from '../../../proxy/telemetry/metrics.ts';
import { LineProcess } from '../line-process.ts';
import { type Outcome, skip, sum } from '../outcome.ts';
import { isThere, ROOT } from '../program.ts';
import { type Ask, POD } from './ask.ts';
import { Choice } from './choice.ts';
import type { Dialect } from './dialect.ts';
import { ISTIO } from './istio-generator.ts';
import { LINKERD } from './linkerd-generator.ts';
import { SMI } from './smi-generator.ts';

/**
 * Compares what a proxy makes of policies, translated and compiled, with what evaluators say that were written from the
 * specifications alone, in another language. SEED and COUNT (of policies times requests, in each dialect) choose; DIALECT
 * (istio, linkerd, smi) is one alone.
 */
export async function runAccess(): Promise<Outcome> {
  if (!(await isThere('python3'))) return skip('access policies against their specifications', 'python3 is missing');
  const wanted = DIALECTS.filter(({ key }) => key === (process.env.DIALECT || key));
  if (wanted.length === 0) throw new Error(`DIALECT is none of ${DIALECTS.map(({ key }) => key).join(', ')}`);
  const outcomes: Outcome[] = [];
  for (const dialect of wanted) outcomes.push(await compare(dialect));
  return sum(outcomes);
}

async function compare({ author, evaluator, generate }: Dialect): Promise<Outcome> {
  const oracle = new LineProcess('python3', ['-B', join(ROOT, 'test/conformance/access', evaluator)]);
  const count = Number(process.env.COUNT || DEFAULT_COUNT);
  const seed = Number(process.env.SEED || 1);
  const said: Record<Letter, number> = { a: 0, d: 0, n: 0 };
  let [asked, failed] = [0, 0];
  for (let i = 0; asked < count; i++) {
    const { manifests, told, asks } = generate(new Choice(new Random(seed * 1_000_003 + i)));
    const [theirs = ''] = await oracle.ask(`${JSON.stringify({ ...told, asks })}\n`, 1);
    const judge = judgeOf(manifests);
    for (const [at, ask] of asks.entries()) {
      asked++;
      const ours = judge(ask);
      said[ours]++;
      if (ours === theirs[at]) continue;
      if (failed++ < 5)
        console.log(`  seed ${seed}, ${i}: ${theirs[at]}, here ${ours}: ${JSON.stringify({ told, ask })}`);
    }
  }
  oracle.end();
  const verdicts = `${said.a} let in, ${said.d} refused${said.n > 0 ? `, ${said.n} of no route` : ''}`;
  console.log(`access: ${asked} requests judged by ${author}'s policies, ${asked - failed} alike (${verdicts})`);
  return { passed: asked - failed, failed, skipped: [] };
}

/** What becomes of who asks: let in (a), refused (d), or of no route (n). */
type Letter = 'a' | 'd' | 'n';

/** What the proxy says, once it is told what destination makes of the manifests. */
function judgeOf(manifests: readonly object[]): (ask: Ask) => Letter {
  const { inquiry, source, reports } = clusterOf(...manifests);
  const malformed = reports.current().find(({ severity }) => severity !== 'warning');
  if (malformed) throw new Error(`a policy was not understood: ${malformed.path} ${malformed.message}`);
  const [pod] = [...source.objects.list('Pod')];
  const faults: string[] = [];
  const config = inboundConfig(inquiry, pod!);
  const ports = new InboundPorts(config, PortRanges.EMPTY, new Metrics(), OWN, (fault) => faults.push(fault));
  ports.update(config);
  if (faults.length > 0) throw new Error(faults.join('; '));
  return ({ principal, isLocal, address, port, sni, octets, method, path, host, headers }) => {
    // The pod itself proves nothing.
    const spiffe = principal === '' || isLocal ? '' : `spiffe://${principal}`;
    const workload = parseSpiffeIdentity(spiffe, TEST_DOMAIN);
    const identity = workload ? dnsIdentity(workload, TEST_DOMAIN) : '';
    const client = { identity, spiffe, certificateHash: '', address, isLocal };
    const request = { method, path, authority: host, scheme: 'http', fields: Object.entries(headers).flat() };
    const verdict = octets ? ports.judgeOctets(port, client, sni) : ports.judgeRequest(port, client, request);
    if (!verdict.isRefused) return 'a';
    return verdict.refusal === 'not-found' ? 'n' : 'd';
  };
}

const DIALECTS = [ISTIO, LINKERD, SMI];
const DEFAULT_COUNT = 12_000;
const WORKLOAD = { namespace: POD.namespace, serviceAccount: POD.account };
const OWN = { identity: dnsIdentity(WORKLOAD, TEST_DOMAIN), spiffe: spiffeIdentity(WORKLOAD, TEST_DOMAIN) };
