import { Random } from '../../../core/testing/random.ts';
import { identityOf, TestAuthority, TestProxy } from '../../support/mesh.ts';
import { type Outcome, sum } from '../outcome.ts';
import { chooseDelivery, type Delivery } from './delivery.ts';
import { FORGED, type Head, makeHead } from './head-generator.ts';
import { KINDS, type Kind, Lane, type Passage, sendDirectly, WAYS, type Way } from './lane.ts';
import { firstWords, METHODS, verdictOn } from './rule.ts';
import { type Served, startServers, type WitnessServer } from './servers.ts';

/**
 * Sends damaged request heads that claim to come from somebody else through an inbound listener to other people's servers:
 * none may see what the proxy did not write, nor serve what the proxy did not count. COUNT and SEED change how many heads,
 * and which.
 *
 * Each head also goes to each server without a proxy: what a server takes for a request that the rule takes for octets is
 * printed.
 */
export async function runHeads(): Promise<Outcome> {
  const { servers, skipped } = await startServers();
  const cases = makeCases(servers);
  const [passages, taken] = await Promise.all([throughTheProxy(servers, cases), withoutTheProxy(servers, cases)]);
  await new Promise((resolve) => setTimeout(resolve, 500)); // what the servers have still to tell
  for (const server of servers) server.end();

  const faults = new Map<string, Findings>();
  let failed = 0;
  const totals = { served: 0, counted: 0, delivered: 0, uncounted: 0 };
  passages.forEach((passage, i) => {
    const each = cases[i]!;
    totals.served += passage.served.length;
    totals.counted += passage.counted;
    if (passage.arrived.length > 0 && passage.counted === 0) totals.delivered++;
    if (passage.served.length > passage.counted && isExcepted(each, passage)) totals.uncounted++;
    const found = faultsOf(each, passage);
    if (found.length > 0) failed++;
    for (const fault of found) {
      const findings = noted(faults, fault, describe(each, passage));
      for (const part of [each.server.name, `${each.kind} port`, each.way]) findings.count(part);
    }
  });
  for (const [fault, findings] of faults) console.log(`  not ok ${findings.text(fault)}`);
  report(servers, cases, taken);
  console.log(
    `detection: ${cases.length} heads before ${servers.map(({ name }) => name).join(', ')}: ${failed} faulty, ` +
      `${totals.served} requests served, ${totals.counted} counted, ${totals.delivered} heads delivered as octets`,
  );
  for (const { name, why } of UNCOUNTED)
    console.log(`  not counted, as it may be: ${totals.uncounted} × ${name} (${why})`);
  return sum([{ passed: cases.length - failed, failed, skipped }]);
}

const HEADS = 10_000;
/** Lanes of each server, by kind: as many heads are under way at once. */
const LANES: Readonly<Record<Kind, number>> = { detect: 10, http1: 3, http2: 3, grpc: 3, routes: 3, limit: 3 };
const DIRECT_CONNECTIONS = 40;

interface Case {
  readonly head: Head;
  readonly server: WitnessServer;
  readonly kind: Kind;
  readonly way: Way;
  readonly delivery: Delivery;
}

function makeCases(servers: readonly WitnessServer[]): Case[] {
  const seed = Number(process.env.SEED || 1);
  const kinds = Object.keys(KINDS) as Kind[];
  return Array.from({ length: Number(process.env.COUNT || HEADS) }, (_, n) => {
    const random = new Random(seed * 1_000_003 + n);
    const head = makeHead(random, n);
    const kind = random.oneIn(2) ? 'detect' : random.pick(kinds);
    // Those without a certificate are refused whatever they send.
    const way = random.oneIn(20) ? random.pick(WAYS) : random.pick(WAYS.slice(0, 3));
    return { head, server: servers[n % servers.length]!, kind, way, delivery: chooseDelivery(random, head) };
  });
}

async function throughTheProxy(servers: readonly WitnessServer[], cases: readonly Case[]): Promise<Passage[]> {
  const authority = new TestAuthority();
  const credentials = authority.credentials('stranger');
  const proxy = new TestProxy('api', authority);
  const lanes: { server: WitnessServer; lane: Lane }[] = [];
  for (const server of servers)
    for (const kind of Object.keys(LANES) as Kind[])
      for (let i = 0; i < LANES[kind]; i++)
        lanes.push({ server, lane: await Lane.open(kind, server, proxy, credentials) });
  const { config } = proxy.ports;
  const ports = lanes.flatMap(({ lane }) => lane.rules(config.defaultPolicy) ?? []);
  proxy.ports.update({ ...config, ports });

  const passages: Passage[] = [];
  const waiting = cases.map((each, n) => ({ ...each, n })).reverse();
  const queues = new Map<string, typeof waiting>();
  for (const each of waiting) {
    const key = `${each.server.name} ${each.kind}`;
    queues.set(key, [...(queues.get(key) ?? []), each]);
  }
  await Promise.all(
    lanes.map(async ({ server, lane }) => {
      const queue = queues.get(`${server.name} ${lane.kind}`) ?? [];
      for (let next = queue.pop(); next; next = queue.pop())
        passages[next.n] = await lane.send(next.head, next.way, next.delivery);
    }),
  );
  for (const { lane } of lanes) lane.close();
  proxy.close();
  return passages;
}

/** What each server takes for requests, head by head. */
async function withoutTheProxy(servers: readonly WitnessServer[], cases: readonly Case[]): Promise<Passage[][]> {
  return Promise.all(
    servers.map(async (server) => {
      const taken: Passage[] = [];
      let next = 0;
      const client = async () => {
        for (let n = next++; n < cases.length; n = next++) taken[n] = await sendDirectly(server, cases[n]!.head);
      };
      await Promise.all(Array.from({ length: DIRECT_CONNECTIONS }, client));
      return taken;
    }),
  );
}

/** What may be served without having been counted, and why; never with an identity. */
const UNCOUNTED: readonly { name: string; why: string; holds: (each: Case, passage: Passage) => boolean }[] = [
  {
    name: 'HTTP/0.9 with a word that is no path',
    why: 'the same octets as an inline command of Redis',
    // What came after it may have shown that it was more: a server takes the end of a cut connection for the end of the line.
    holds: ({ kind }, { served, arrived }) => {
      const words = firstWords(arrived.toString('latin1'));
      return kind === 'detect' && served.length === 1 && words.length === 2 && verdictOn(arrived) === 'octets';
    },
  },
];

function isExcepted(each: Case, passage: Passage): boolean {
  return UNCOUNTED.some(({ holds }) => holds(each, passage));
}

/** What is wrong with what came of a head. */
function faultsOf(each: Case, passage: Passage): string[] {
  const { kind, way } = each;
  const { served, counted, arrived } = passage;
  const octets = arrived.length;
  const isCarried = arrived.includes(FORGED);
  const faults: string[] = [];
  const identity = way.startsWith('mutual') ? identityOf('stranger') : '';
  if (served.some(isForged)) faults.push('a forged identity was seen');
  else if (served.some((request) => isAnothers(request, identity)))
    faults.push('an identity that is not the client’s was seen');
  if (served.length > counted && !isExcepted(each, passage)) faults.push('a request was served that was not counted');
  if (kind !== 'detect' && octets > 0 && counted === 0)
    faults.push('octets reached the server of a port that is HTTP, and no request was counted');
  // What is said in a tunnel that the server has agreed to is the server's own.
  const isTunnel = served.some(({ request }) => request.startsWith('CONNECT '));
  if (isCarried && !isTunnel && (kind !== 'detect' || verdictOn(each.head.octets) !== 'octets'))
    faults.push('what a client made up was carried on');
  if (way.startsWith('TLS without') && octets > 0)
    faults.push('octets reached the server that claimed to be the mesh’s, without a certificate');
  return faults;
}

function isForged({ identity, certificate }: Served): boolean {
  return `${identity}${certificate}`.includes(FORGED);
}

function isAnothers({ identity, certificate }: Served, expected: string): boolean {
  return (identity !== '' && identity !== expected) || (certificate !== '' && expected === '');
}

function describe({ head, server, kind, way, delivery }: Case, { served, counted, arrived }: Passage): string {
  const last = served.at(-1);
  const seen = last ? `, the last ${last.request} from ${JSON.stringify(last.identity)}` : '';
  return `${server.name}, ${kind} port, ${way}, ${delivery.name}: ${quote(head)}: ${arrived.length} octets, ${counted} counted, ${served.length} served${seen}`;
}

function quote({ octets, mutations }: Head): string {
  const text = octets.toString('latin1').replace(/(.)\1{40,}/gs, (run) => `${run[0]}⟨× ${run.length}⟩`);
  return `${JSON.stringify(text.slice(0, 120))} (${mutations.join('; ')})`;
}

/** Heads with the same finding. */
class Findings {
  heads = 0;
  readonly #parts = new Map<string, number>();
  readonly #examples: string[] = [];

  add(example: string): void {
    this.heads++;
    if (this.#examples.length < EXAMPLES) this.#examples.push(example);
  }

  count(part: string): void {
    this.#parts.set(part, (this.#parts.get(part) ?? 0) + 1);
  }

  text(name: string): string {
    const parts = [...this.#parts].map(([part, heads]) => `${part} ${heads}`);
    const first = `${this.heads} × ${name}${parts.length > 0 ? ` (${parts.join('; ')})` : ''}`;
    return [first, ...this.#examples.map((example) => `      ${example}`)].join('\n');
  }
}

const EXAMPLES = 4;

function noted(kinds: Map<string, Findings>, name: string, example: string): Findings {
  const findings = kinds.get(name) ?? new Findings();
  kinds.set(name, findings);
  findings.add(example);
  return findings;
}

/** Says what each server takes for requests, and what of it the rule takes for octets. */
function report(
  servers: readonly WitnessServer[],
  cases: readonly Case[],
  taken: readonly (readonly Passage[])[],
): void {
  servers.forEach(({ name }, k) => {
    const beyond = new Map<string, Findings>();
    let heads = 0;
    cases.forEach(({ head }, n) => {
      const { served } = taken[k]![n]!;
      if (served.length === 0) return;
      heads++;
      if (verdictOn(head.octets) !== 'octets') return;
      const words = firstWords(head.octets.toString('latin1'));
      const shape = `${words.length} words, ${METHODS.has(words[0] ?? '') ? 'a registered' : 'no registered'} method`;
      noted(
        beyond,
        shape,
        `${quote(head)}: ${served[0]!.request}${served.some(isForged) ? ', with the identity' : ''}`,
      );
    });
    console.log(`  ${name} takes ${heads} of ${cases.length} heads for requests`);
    for (const [shape, findings] of beyond) console.log(`    beyond the rule: ${findings.text(shape)}`);
  });
}
