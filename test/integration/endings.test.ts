/**
 * Every way in which an exchange ends, in every protocol: what each side sees through proxies is what it sees without one,
 * but where a sentence says why not. docs/internals/endings.md has the rules.
 */
import t, { type Test } from 'tap';
import { windowBudget } from '../../proxy/transport/window-budget.ts';
import { seeded } from '../support/balanced-endpoint.ts';
import { http1 } from '../support/endings/http1.ts';
import { http2Sides } from '../support/endings/http2.ts';
import { octets } from '../support/endings/octets.ts';
import type { Exchange, Protocol } from '../support/endings/side.ts';
import { CONNECT, tunnels, UPGRADE } from '../support/endings/tunnel.ts';
import type { TestProxy } from '../support/mesh.ts';
import { openWays } from '../support/ways.ts';

const PROTOCOLS: Readonly<Record<string, () => Promise<Protocol>>> = {
  'HTTP/1.1': http1,
  'HTTP/2': () => http2Sides(false),
  gRPC: () => http2Sides(true),
  WebSocket: () => tunnels(UPGRADE),
  CONNECT: () => tunnels(CONNECT),
  octets,
};

/** Who does what. */
const ACTS: Readonly<Record<string, (exchange: Exchange) => void>> = {
  'the client ends': ({ client }) => client.end(),
  'the client resets': ({ client }) => client.reset(),
  'the client leaves': ({ client }) => client.leave(),
  'the client goes away': ({ client }) => client.goAway?.(),
  'the server ends': ({ server }) => server.end(),
  'the server resets': ({ server }) => server.reset(),
  'the server leaves': ({ server }) => server.leave(),
  'the server goes away': ({ server }) => server.goAway?.(),
};

/** How far the answer is when they do it. */
const PHASES: Readonly<Record<string, (exchange: Exchange) => Promise<void>>> = {
  'before the answer': async () => {},
  'in the answer': async ({ client, server }) => {
    server.answer();
    server.say('cd');
    await until(() => client.heard.includes('cd'));
  },
  'after the answer': async ({ client, server }) => {
    server.answer();
    server.say('cd');
    await until(() => client.heard.includes('cd'));
    server.end();
    await until(() => client.heard.includes('ended'));
  },
};

/** What is seen otherwise through a proxy, and why that is right. */
const DIFFERENCES: readonly { readonly cell: RegExp; readonly sees: RegExp; readonly because: string }[] = [
  {
    cell: /^(HTTP|WebSocket|CONNECT).*: the server (resets|leaves) before the answer/,
    sees: /^client 502 "endpoint_(reset|closed): .*, server "(ab)?" (open|cut( \d)?|ended)$/s,
    because: 'while no answer has begun, one says what has happened: clients try again by it',
  },
  {
    cell: /^gRPC: the server (resets|leaves) before the answer/,
    sees: /^client 200 grpc 14 "" ended, server "(ab)?" (cut \d|ended)$/,
    because: 'the same in the words of gRPC: UNAVAILABLE',
  },
  {
    cell: /^(HTTP.2|gRPC): the server leaves in the answer/,
    sees: /^client 200 "cd" cut 2, /,
    because: 'a server that has died is INTERNAL_ERROR: CANCEL, which Node makes of it, would be the client’s own word',
  },
  {
    cell: /^(WebSocket|CONNECT): .* before the answer/,
    sees: /^client "" open, server "" (open|cut)$/,
    because:
      'what follows the request for a tunnel waits until there is one; a client that has gone before is told as a cut',
  },
];

/** A step that does not come within 2 s is told by the cell. */
async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !holds(); i++) await sleep(2);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Brings an exchange to where a cell acts, acts, and waits for what the sides see. @param isExpected null: what comes within a while */
async function play(
  protocol: Protocol,
  port: number,
  cell: Cell,
  isExpected: ((seen: string) => boolean) | null,
): Promise<string> {
  const exchange = await protocol.begin(port);
  const { client, server } = exchange;
  await until(() => server.heard.includes('ab') || cell.phase === 'before the answer');
  if (cell.isAsked) {
    client.end();
    await until(() => server.heard.includes('ended'));
  }
  await PHASES[cell.phase]!(exchange);
  // What was said before there was a tunnel comes with it.
  if (cell.phase !== 'before the answer') await until(() => server.heard.includes(cell.isAsked ? 'ended' : 'ab'));
  ACTS[cell.act]!(exchange);
  const seen = () => `client ${client.heard}, server ${server.heard}`;
  if (isExpected === null) await sleep(300);
  else await until(() => isExpected(seen()));
  const result = seen();
  client.leave();
  if (!protocol.isMultiplexed) server.leave();
  return result;
}

interface Cell {
  readonly act: string;
  readonly phase: string;
  /** The request has ended. */
  readonly isAsked: boolean;
}

function* cells(): Generator<Cell> {
  for (const act of Object.keys(ACTS))
    for (const phase of Object.keys(PHASES))
      for (const isAsked of [false, true]) {
        if (isAsked && (act === 'the client ends' || phase === 'after the answer')) continue;
        if (phase === 'after the answer' && act === 'the server ends') continue;
        if (phase === 'before the answer' && act === 'the server ends') continue;
        yield { act, phase, isAsked };
      }
}

for (const [name, start] of Object.entries(PROTOCOLS)) {
  t.test(`${name}: each side sees of the other’s end what it sees without a proxy`, async (t) => {
    const protocol = await start();
    t.teardown(() => protocol.close());
    const {
      ports: { direct, one, two },
      proxies,
    } = await openWays(t, protocol.port);
    let count = 0;
    const compare = async (cell: Cell) => {
      const told = `${cell.act} ${cell.phase}, ${cell.isAsked ? 'the request has ended' : 'the request goes on'}`;
      const expected = await play(protocol, direct, cell, null);
      for (const [way, port] of Object.entries({ one, two })) {
        const where = `${name}: ${told}, ${way}`;
        const difference = (seen: string) => DIFFERENCES.find(({ cell, sees }) => cell.test(where) && sees.test(seen));
        const seen = await play(protocol, port, cell, (seen) => seen === expected || difference(seen) !== undefined);
        count++;
        const allowed = difference(seen);
        if (seen === expected) t.pass(where);
        else if (allowed) t.pass(`${where}: ${allowed.because}`);
        else t.fail(where, { seen, expected });
      }
    };
    const isAlone = ({ act }: Cell) => protocol.isMultiplexed && /^the server (leaves|goes away)$/.test(act);
    const all = [...cells()];
    await Promise.all(all.filter((cell) => !isAlone(cell)).map(compare));
    for (const cell of all.filter(isAlone)) await compare(cell);
    t.comment(`${count} cells`);
    await holdsNothing(t, protocol, Object.values(proxies));
  });

  t.test(`${name}: of a thousand that end at random nothing is held`, async (t) => {
    const protocol = await start();
    t.teardown(() => protocol.close());
    const {
      ports: { one, two },
      proxies,
    } = await openWays(t, protocol.port);
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
    t.comment(`SEED=${seed}`);
    const random = seeded(seed);
    const of = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
    const all = [...cells()].filter(
      ({ act }) => !(protocol.isMultiplexed && /^the server (leaves|goes away)$/.test(act)),
    );
    const goOn = async (left: number): Promise<void> => {
      if (left === 0) return;
      // Anywhere within what happens, too.
      const cut = random() < 0.3 ? random() * 20 : Number.POSITIVE_INFINITY;
      await endAtRandom(protocol, of([one, two]), of(all), cut);
      return goOn(left - 1);
    };
    await Promise.all(Array.from({ length: 50 }, () => goOn(20)));
    await holdsNothing(t, protocol, Object.values(proxies));
  });
}

/** Plays a cell without looking at what is seen. @param cutMs when one of the sides leaves in the middle of it */
async function endAtRandom(
  protocol: Protocol,
  port: number,
  { act, phase, isAsked }: Cell,
  cutMs: number,
): Promise<void> {
  const { client, server } = await protocol.begin(port);
  const exchange = { client, server };
  let isCut = false;
  const played = (async () => {
    if (isAsked) client.end();
    await PHASES[phase]!(exchange);
    if (!isCut) ACTS[act]!(exchange);
    await sleep(5);
  })();
  await Promise.race([played, sleep(Math.min(cutMs, 500))]);
  isCut = true;
  client.leave();
  if (!protocol.isMultiplexed) server.leave();
  await played;
}

async function holdsNothing(t: Test, protocol: Protocol, proxies: readonly TestProxy[]): Promise<void> {
  const streams = () => proxies.flatMap((proxy) => [...proxy.targets.all()].map(({ active }) => active));
  await until(() => streams().every((active) => active === 0));
  t.same(new Set(streams()), new Set([0]), 'no request is under way');
  t.equal(windowBudget.held, 0, 'no octet is held');
  for (const proxy of proxies) for (const target of proxy.targets.all()) target.retire();
  for (let i = 0; i < 4; i++)
    await until(() => protocol.open.size === 0 && proxies.every((proxy) => opened(proxy) === 0));
  t.equal(protocol.open.size, 0, 'no socket is held by the sides');
  for (const proxy of proxies) t.equal(opened(proxy), 0, 'nor by a proxy');
}

function opened(proxy: TestProxy): number {
  return [...proxy.metrics.registry.text().matchAll(/^tcp_open_connections\{[^}]*\} (\d+)/gm)].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  );
}
