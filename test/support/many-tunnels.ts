import type { Test } from 'tap';

import { Random } from '../../core/testing/random.ts';
import { eventually } from './eventually.ts';
import type { Held } from './proxy-process.ts';
import { TunnelClient, TunnelServer } from './tunnel-ends.ts';
import {
  drawDeath,
  drawPlan,
  drawStandingPlan,
  RACES,
  raceOf,
  TUNNEL_KINDS,
  type TunnelPlan,
  type Victim,
} from './tunnel-plan.ts';
import { askedOf, carryOut, outlive, TakenTunnels, talkOf } from './tunnel-run.ts';
import type { Seen } from './tunnel-side.ts';
import { type DoomedTunnel, TunnelVictim } from './tunnel-victim.ts';
import { MORTAL, STEADY, TunnelWays, WAYS, type Way } from './tunnel-ways.ts';

/** What each side of a tunnel saw that is there to see it, by side. */
type SeenBySide = Readonly<Record<string, Seen>>;

/** Plans under way at once, each on every way; those that stay open meanwhile, and those that die with one process. */
const TOGETHER = 30;
const STANDING = 34;
const DOOMED = 17;
/** What a proxy's memory may grow by over the second half. */
const MAX_GROWTH_BYTES = 5 * 1024 * 1024;

/**
 * Registers that both sides of a tunnel see the same of its end without a proxy, through one and through two, and that
 * the proxies hold nothing of it afterwards, however many tunnels end in whatever order.
 *
 * @param tunnels how many are opened, about, apart from those that are killed
 * @param rounds in so many rounds; in each of them a process dies on either side. Even
 */
export function manyTunnelsTests(t: Test, tunnels: number, rounds: number): void {
  const seed = Number(process.env.SEED ?? 1);
  t.test(
    `${tunnels} tunnels end in every order, and nothing is held of them (SEED=${seed})`,
    { timeout: 600_000 },
    async (t) => {
      const crowd = await TunnelCrowd.start(seed);
      t.teardown(() => crowd.end());
      // The connections that proxies keep between them are there before as well.
      for (const kind of TUNNEL_KINDS) await crowd.follow({ ...WARM_UP, kind });
      await crowd.die('server');
      let before = await crowd.held();
      // A proxy at rest has no timer under way.
      await eventually(async () => {
        before = await crowd.held();
        return Object.values(before).every(({ resources }) => resources.Timeout === undefined);
      });

      const standing = crowd.stand(STANDING);
      await standing.opened;
      const memory: Record<string, number>[] = [];
      for (let round = 1; round <= rounds; round++) {
        await Promise.all([crowd.die('client'), crowd.die('server'), crowd.meet((tunnels * round) / rounds)]);
        memory.push(await crowd.memory());
      }
      standing.end();
      await standing.over;

      t.comment(`seed ${seed}: ${crowd.opened} tunnels, ${crowd.killed} of them of a side that was killed`);
      for (const { name, why } of RACES)
        t.comment(`not compared but that it is over, "${name}": ${crowd.races[name]}. ${why}`);
      t.same(crowd.differences.slice(0, 10), [], 'both sides see what they see without a proxy');
      t.ok(crowd.opened - crowd.killed >= tunnels, 'as many tunnels as said');
      t.ok(crowd.fewestOpen >= 3 * STANDING, `never fewer than ${crowd.fewestOpen} tunnels were open`);

      for (const name of Object.keys(before)) {
        let after = before[name]!;
        // A handshake whose client has left is let go of after 10 s.
        const isFree = await eventually(async () => {
          after = (await crowd.held())[name]!;
          return JSON.stringify(holding(after)) === JSON.stringify(holding(before[name]!));
        });
        t.ok(isFree, `${name} holds what it held before`);
        if (!isFree) t.same(holding(after), holding(before[name]!));
        const grown = memory.at(-1)![name]! - memory[rounds / 2 - 1]![name]!;
        const inMegabytes = memory.map((each) => (each[name]! / 1024 / 1024).toFixed(1)).join(' ');
        t.comment(`${name}: ${JSON.stringify(holding(after))}; memory by round, MB: ${inMegabytes}`);
        t.ok(grown < MAX_GROWTH_BYTES, `the memory of ${name} is flat over the second half`);
      }
    },
  );
}

/** Tunnels of every kind on every way, and what is compared of them. */
class TunnelCrowd {
  readonly #random: Random;
  readonly #taken = new TakenTunnels();
  readonly #server = new TunnelServer((taken) => this.#taken.onTaken(taken));
  #ways!: TunnelWays;
  #clients!: Record<Way, TunnelClient>;
  #mortalPort = 0;
  #open = 0;
  #meeting = 0;
  opened = 0;
  killed = 0;
  /** When a tunnel ended while the standing ones were there. */
  fewestOpen = Number.POSITIVE_INFINITY;
  readonly races: Record<string, number> = Object.fromEntries(RACES.map(({ name }) => [name, 0]));
  readonly differences: { plan: TunnelPlan; way: Way; saw: SeenBySide; instead: SeenBySide | string }[] = [];

  private constructor(seed: number) {
    this.#random = new Random(seed);
  }

  static async start(seed: number): Promise<TunnelCrowd> {
    const crowd = new TunnelCrowd(seed);
    const port = await crowd.#server.listen();
    // A port that was free a moment ago: whoever dies listens there again and again.
    const probe = new TunnelServer(() => {});
    crowd.#mortalPort = await probe.listen();
    probe.close();
    crowd.#ways = await TunnelWays.start({ [STEADY]: port, [MORTAL]: crowd.#mortalPort });
    crowd.#clients = Object.fromEntries(
      WAYS.map((way) => [way, new TunnelClient(crowd.#ways.port(way, STEADY))]),
    ) as Record<Way, TunnelClient>;
    return crowd;
  }

  end(): void {
    this.#server.close();
    for (const way of WAYS) this.#clients[way].close();
    this.#ways.end();
  }

  /** Carries a plan out on every way that is compared, and compares. @param untilEnd how long each stays open */
  async follow(plan: TunnelPlan, untilEnd?: (way: Way) => Promise<void>): Promise<void> {
    await this.#compare(plan, async (way) => {
      const asked = askedOf(plan, `${this.opened++}`, STEADY);
      this.#open++;
      const seen = await carryOut(plan, asked, this.#clients[way], this.#taken, untilEnd?.(way));
      if (this.#meeting > 0) this.fewestOpen = Math.min(this.fewestOpen, this.#open);
      this.#open--;
      return { client: seen.client, server: seen.server };
    });
  }

  /** Draws plans and follows many at once until so many tunnels have been opened, apart from those that are killed. */
  async meet(tunnels: number): Promise<void> {
    const one = async () => {
      while (this.opened - this.killed < tunnels) await this.follow(drawPlan(this.#random));
    };
    this.#meeting++;
    await Promise.all(Array.from({ length: TOGETHER }, one));
    this.#meeting--;
  }

  /** Opens tunnels that stay open until `end` is called. */
  stand(plans: number): { opened: Promise<unknown>; end(): void; over: Promise<unknown> } {
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const opened: Promise<void>[] = [];
    const over = Array.from({ length: plans }, () => {
      const opens = WAYS.map(() => Promise.withResolvers<void>());
      opened.push(...opens.map(({ promise }) => promise));
      return this.follow(drawStandingPlan(this.#random), (way) => {
        opens[WAYS.indexOf(way)]!.resolve();
        return ended;
      });
    });
    return { opened: Promise.all(opened), end, over: Promise.all(over) };
  }

  /** Opens tunnels with one side in a process of its own, and kills it. */
  async die(side: Victim): Promise<void> {
    const host = side === 'server' ? MORTAL : STEADY;
    const plans = Array.from({ length: DOOMED }, () => drawDeath(this.#random, side));
    const tunnels = plans.flatMap((plan) =>
      WAYS.map((way): DoomedTunnel => {
        const asked = { ...askedOf(plan, `${this.opened++}`, host), isAlone: false };
        return { plan, asked, port: this.#ways.port(way, host) };
      }),
    );
    this.killed += tunnels.length;
    const victim = await TunnelVictim.start({ side, tunnels, port: this.#mortalPort });
    const clients = new Map(
      WAYS.map((way) => [this.#ways.port(way, host), new TunnelClient(this.#ways.port(way, host))]),
    );
    const survivors = Promise.all(
      tunnels.map(async ({ plan, asked, port }) => {
        if (side === 'server') {
          const client = await clients.get(port)!.ask(asked);
          await client.until(() => client.status > 0);
          await talkOf(client, plan, plan.talk);
          return client;
        }
        const { side: server, accept } = await this.#taken.next(asked.id);
        accept();
        await talkOf(server, plan, asked.early + plan.talk);
        return server;
      }),
    );
    await victim.whenReady;
    const sides = await survivors;
    victim.kill();
    const seen = await Promise.all(sides.map((survivor, i) => outlive(survivor, tunnels[i]!.plan)));
    await Promise.all(
      plans.map((plan, i) =>
        this.#compare(plan, async (way) => ({ survivor: seen[i * WAYS.length + WAYS.indexOf(way)]! })),
      ),
    );
    for (const client of clients.values()) client.close();
  }

  /** What each proxy holds once idle connections of HTTP/2 to applications, which proxies keep, are ended. */
  async held(): Promise<Record<string, Held>> {
    for (const way of WAYS) this.#clients[way].close();
    this.#server.endConnections();
    const held: Record<string, Held> = {};
    for (const [name, proxy] of Object.entries(this.#ways.proxies)) held[name] = await proxy.held();
    return held;
  }

  async memory(): Promise<Record<string, number>> {
    const memory: Record<string, number> = {};
    for (const [name, proxy] of Object.entries(this.#ways.proxies)) memory[name] = (await proxy.held()).octets;
    return memory;
  }

  async #compare(plan: TunnelPlan, see: (way: Way) => Promise<SeenBySide>): Promise<void> {
    const race = raceOf(plan);
    if (race) this.races[race.name]!++;
    const ways = race ? WAYS.slice(1) : WAYS;
    const [direct, ...others] = await Promise.all(ways.map(see));
    for (const [i, saw] of (race ? [direct!, ...others] : others).entries()) {
      const way = WAYS[i + 1]!;
      if (race) {
        const isOver = Object.values(saw).every(
          ({ isAsSaid, events }) => isAsSaid && !events.includes('never') && /^(close|cut)$/.test(events.at(-1)!),
        );
        if (!isOver) this.differences.push({ plan, way, saw, instead: race.name });
      } else if (JSON.stringify(saw) !== JSON.stringify(direct))
        this.differences.push({ plan, way, saw, instead: direct! });
    }
  }
}

/** What is held of connections and requests. */
function holding({ octets: _, resources, ...counts }: Held) {
  return { ...counts, ...Object.fromEntries(Object.entries(resources).sort()) };
}

const WARM_UP: TunnelPlan = {
  kind: 'upgrade',
  voice: 0,
  opening: 'nothing is said early',
  talk: 1,
  isUnderWay: false,
  first: 'client',
  how: 'end',
  bye: 0,
  reply: 0,
  replyHow: 'end',
  code: 8,
};
