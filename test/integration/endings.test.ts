/**
 * Every way in which an exchange ends, in every protocol: what each side sees through proxies is what it sees without one,
 * but where a sentence says why not. docs/internals/endings.md has the rules.
 */
import t, { type Test } from 'tap';

import type { InboundPolicy, Timeouts } from '../../api/routing.ts';
import type { ClientLimits } from '../../proxy/transport/client-limits.ts';
import { windowBudget } from '../../proxy/transport/window-budget.ts';
import { seeded } from '../support/balanced-endpoint.ts';
import { http1 } from '../support/endings/http1.ts';
import { http2Sides } from '../support/endings/http2.ts';
import { octets } from '../support/endings/octets.ts';
import type { Exchange, Protocol } from '../support/endings/side.ts';
import { CONNECT, tunnels, UPGRADE } from '../support/endings/tunnel.ts';
import { endpoint, route, service, type TestProxy } from '../support/mesh.ts';
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

/** Waits for something, not for ever. */
type Wait = (holds: () => boolean) => Promise<void>;

/** How far the answer is when they do it. */
const PHASES: Readonly<Record<string, (exchange: Exchange, until: Wait) => Promise<void>>> = {
  'before the answer': async () => {},
  'in the answer': async ({ client, server }, until) => {
    server.answer();
    server.say('cd');
    await until(() => client.heard.includes('cd'));
  },
  'after the answer': async ({ client, server }, until) => {
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
  await PHASES[cell.phase]!(exchange, until);
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
      const through = async (way: string, port: number) => {
        const where = `${name}: ${told}, ${way}`;
        const difference = (seen: string) => DIFFERENCES.find(({ cell, sees }) => cell.test(where) && sees.test(seen));
        const seen = await play(protocol, port, cell, (seen) => seen === expected || difference(seen) !== undefined);
        count++;
        const allowed = difference(seen);
        if (seen === expected) t.pass(where);
        else if (allowed) t.pass(`${where}: ${allowed.because}`);
        else t.fail(where, { seen, expected });
      };
      await Promise.all([through('one', one), through('two', two)]);
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
    await Promise.all(Array.from({ length: 125 }, () => goOn(8)));
    await holdsNothing(t, protocol, Object.values(proxies));
  });
}

/** What a proxy does of itself, which nobody would without one. */
interface OwnAct {
  /** What the client's proxy is told of the server. */
  readonly rules?: Parameters<typeof openWays>[3];
  /** What holds for clients of any proxy. */
  readonly limits?: Partial<ClientLimits>;
  /** Octets that a request of HTTP declares. */
  readonly length?: number;
  /** The policy of the server's proxy from when each exchange has come as far as it is to. */
  readonly mode?: InboundPolicy['mode'];
}

/** Enough for each exchange to come as far as it is to. */
const TIME_MS = 1500;
const timed = (timeouts: Timeouts): OwnAct => ({ rules: { routes: [route('timed', { timeouts })] } });

const OWN_ACTS: Readonly<Record<string, OwnAct>> = {
  'the time for an answer passes': timed({ headMs: TIME_MS }),
  'the time of the exchange passes': timed({ requestMs: TIME_MS }),
  'the time of the answer passes': timed({ responseMs: TIME_MS }),
  'the time of a pause passes': timed({ idleMs: TIME_MS }),
  'the time of a pause in octets passes': { rules: { limits: { idleTimeoutMs: TIME_MS } } },
  'the time of a connection of octets passes': { rules: { limits: { maxConnectionMs: TIME_MS } } },
  'the time of a pause in the body passes': { limits: { bodyTimeoutMs: TIME_MS }, length: 10 },
  'policy lets the client in no more': { mode: 'deny' },
};

/** What the sides see of it, which there is nothing to compare with; the first that is for a cell. */
const OWN_ENDINGS: readonly {
  readonly cell: RegExp;
  readonly client: RegExp;
  readonly server: RegExp;
  readonly because: string;
}[] = [
  {
    cell: /^octets: (the time of a (pause in|connection of) octets|policy)/,
    client: /(cut|"cd" ended)$/,
    server: /^"ab" (cut|ended)$/,
    because: 'RST both ways, so that nothing looks whole',
  },
  {
    cell: /^(WebSocket|CONNECT): policy .* (in|after) the answer/,
    client: /^\d+ "cd" (cut|ended)$/,
    server: /^"ab" (cut|ended)$/,
    because: 'nobody asks again by a tunnel: RST both ways',
  },
  {
    cell: /^HTTP.*: policy .* before the answer/,
    client: /^403 "(policy_denied: .*)?" ended$/s,
    server: /^"ab" (cut( 8)?|ended)$/,
    because: 'a request that waits is refused as one that comes now; a stranger is not told why',
  },
  {
    cell: /^gRPC: policy .* before the answer/,
    client: /^200 grpc 7 "" ended$/,
    server: /^"ab" (cut 8|ended)$/,
    because: 'the same in the words of gRPC: PERMISSION_DENIED',
  },
  {
    cell: /^(WebSocket|CONNECT): policy .* before the answer/,
    // What is no tunnel leaves the connection, which is kept.
    client: /^403 "(policy_denied: .*)?" (open|ended)$/s,
    server: /^"" (cut|ended)$/,
    because: 'no tunnel is opened',
  },
  {
    cell: /^(HTTP.*|gRPC): policy .* in the answer/,
    client: /^200 "cd" cut( 2)?$/,
    server: /^"ab" (cut( 8)?|ended)$/,
    because: 'an answer that has begun ends in the middle: INTERNAL_ERROR, or its connection',
  },
  {
    cell: /^(WebSocket|CONNECT): the time of a pause passes (in|after) the answer/,
    client: /^\d+ "cd" (cut|ended)$/,
    server: /^"ab" (cut|ended)$/,
    because: 'a tunnel is octets, which may pause for as long as a request: RST both ways',
  },
  {
    cell: /^HTTP\/1.1: the time of a pause in the body passes before/,
    client: /^408 "" ended$/,
    server: /^"ab" cut$/,
    because: 'it is the client that is late',
  },
  {
    cell: /^(HTTP\/2|gRPC): the time of a pause in the body passes before/,
    client: /^"" cut 11$/,
    server: /^"ab" cut 8$/,
    because: 'ENHANCE_YOUR_CALM: it is the client that is late; the server is told CANCEL',
  },
  {
    cell: /^(HTTP|gRPC).*: the time of a pause in the body passes in/,
    client: /"cd" cut( 11)?$/,
    server: /^"ab" cut( 8)?$/,
    because: 'the same, when the answer has begun',
  },
  {
    cell: /^(HTTP|gRPC).*: the time of a pause in the body passes after/,
    client: /"cd" ended$/,
    // A server of Node that has answered in HTTP/1 is not told of the request any more.
    server: /^"ab" (cut 8|open)$/,
    because: 'the answer is whole all the same',
  },
  {
    cell: /^(HTTP|WebSocket|CONNECT).*: the time (for an answer|of the exchange|of a pause) passes before/,
    // Of a tunnel that is none the client sees the connection, which is kept.
    client: /^504 "(request|idle)_timeout: .*ServiceProfile\/timed.*" (ended|open)$/s,
    server: /^"(ab)?" (cut( 8)?|ended)$/,
    because: 'one says to the client what has happened, and to the server CANCEL, or its connection ends',
  },
  {
    cell: /^gRPC: the time (for an answer|of the exchange|of a pause) passes before/,
    client: /^200 grpc 4 "" ended$/,
    server: /^"ab" (cut 8|ended)$/,
    because: 'the same in the words of gRPC: DEADLINE_EXCEEDED',
  },
  {
    cell: /^(HTTP.*|gRPC): the time of the answer passes before the answer, the request has ended/,
    client: /^(504 "response_timeout: .*ServiceProfile\/timed.*"|200 grpc 4 "") ended$/s,
    server: /^"ab" ended$/,
    because: 'it begins with the end of the request',
  },
  {
    cell: /^(HTTP.*|gRPC): the time of (the exchange|the answer|a pause) passes in/,
    client: /^200 "cd" cut( 2)?$/,
    server: /^"ab" (cut( 8)?|ended)$/,
    because: 'an answer that has begun ends in the middle: INTERNAL_ERROR, or its connection',
  },
  {
    cell: /after the answer/,
    client: /"cd" ended$/,
    server: /^"ab" open$/,
    because: 'the exchange has its outcome; who still speaks is heard',
  },
  {
    cell: /in the answer/,
    client: /"cd" open$/,
    server: /^"ab" (open|ended)$/,
    because: 'it is over, or about something else: the exchange goes on',
  },
  {
    cell: /before the answer/,
    client: /^"" open$/,
    server: /^"(ab)?" (open|ended)$/,
    because: 'it has not begun, or is about something else: the exchange goes on',
  },
];

/** What a proxy's own act finds. */
function* ownCells(): Generator<Omit<Cell, 'act'>> {
  for (const phase of Object.keys(PHASES)) {
    yield { phase, isAsked: false };
    if (phase !== 'after the answer') yield { phase, isAsked: true };
  }
}

/** Who may be let in no more: a client is not the pod itself. */
const ELSEWHERE = '127.0.0.2';

for (const [name, start] of Object.entries(PROTOCOLS))
  t.test(`${name}: each side is told what a proxy does of itself, and nothing is held`, async (t) => {
    const protocol = await start();
    t.teardown(() => protocol.close());
    const proxies: TestProxy[] = [];
    await Promise.all(
      Object.entries(OWN_ACTS).map(async ([act, { rules, limits, length, mode }]) => {
        const opened = await openWays(t, protocol.port, limits && { limits }, rules);
        const { ports, strangerPort } = opened;
        const { server } = opened.proxies;
        proxies.push(...Object.values(opened.proxies));
        if (mode) await reachDirectly(opened.proxies, protocol.port);
        const ways = mode ? { two: ports.two, 'a stranger': strangerPort } : { one: ports.one, two: ports.two };
        const begin = async (way: string, port: number, { phase, isAsked }: Omit<Cell, 'act'>) => {
          const exchange = await protocol.begin(port, { localAddress: ELSEWHERE, ...(length && { length }) });
          if (isAsked) exchange.client.end();
          await PHASES[phase]!(exchange, until);
          const told = isAsked ? 'the request has ended' : 'the request goes on';
          return { where: `${name}: ${act} ${phase}, ${told}, ${way}`, exchange };
        };
        const begun = await Promise.all(
          Object.entries(ways).flatMap(([way, port]) =>
            // A request that ends before the length that it declares is no good one.
            [...ownCells()].filter((cell) => !length || !cell.isAsked).map((cell) => begin(way, port, cell)),
          ),
        );
        if (mode) server.declare(protocol.port, 'detect', { policy: { mode, origin: 'test' } });
        await sleep(mode ? 300 : TIME_MS + 300);
        for (const { where, exchange } of begun) {
          const { client, server } = exchange;
          const { client: clients, server: servers, because } = OWN_ENDINGS.find(({ cell }) => cell.test(where))!;
          await until(() => clients.test(client.heard) && servers.test(server.heard));
          t.match(client.heard, clients, `${where}: the client sees that ${because}`);
          t.match(server.heard, servers, `${where}: and so does the server`);
        }
        for (const { exchange } of begun) {
          exchange.client.leave();
          if (!protocol.isMultiplexed) exchange.server.leave();
        }
      }),
    );
    await holdsNothing(t, protocol, proxies);
  });

/** Has the meshed client reach its server without redirect rules: what comes from loopback to those is the pod's own. */
async function reachDirectly({ meshed, server }: { meshed: TestProxy; server: TestProxy }, port: number) {
  const direct = endpoint(port, 'api');
  const tls = { ...direct.tls!, mode: 'direct', inboundPort: await server.listenDirect() } as const;
  meshed.describe('10.96.0.1:80', service('api', [{ ...direct, tls }]));
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
    await PHASES[phase]!(exchange, (holds) => until(() => isCut || holds()));
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
