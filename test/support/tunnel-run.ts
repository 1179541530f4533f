import type { Asked, Taken, TunnelClient } from './tunnel-ends.ts';
import { endsBeforeAnswer, LITTLE, MUCH, type TunnelPlan } from './tunnel-plan.ts';
import { NEVER_MS, type Seen, type TunnelSide } from './tunnel-side.ts';

/** Both sides of a tunnel. */
export interface Tunnel {
  readonly client: TunnelSide;
  readonly server: TunnelSide;
}

/** What each side saw of it. */
export interface SeenOfBoth {
  readonly client: Seen;
  readonly server: Seen;
}

/** Servers' sides, as they are taken. */
export class TakenTunnels {
  readonly #waiting = new Map<string, (taken: Taken) => void>();
  readonly #early = new Map<string, Taken>();

  onTaken(taken: Taken): void {
    const wait = this.#waiting.get(taken.id);
    this.#waiting.delete(taken.id);
    if (wait) wait(taken);
    else this.#early.set(taken.id, taken);
  }

  /** Rejects when no server sees it for far too long. */
  next(id: string): Promise<Taken> {
    const early = this.#early.get(id);
    this.#early.delete(id);
    if (early) return Promise.resolve(early);
    const { promise, resolve, reject } = Promise.withResolvers<Taken>();
    this.#waiting.set(id, resolve);
    const timer = setTimeout(() => reject(new Error(`no server has seen the tunnel ${id}`)), NEVER_MS);
    return promise.finally(() => clearTimeout(timer));
  }
}

/** What a client asks for. @param id of the tunnel, apart from its voice */
export function askedOf(plan: TunnelPlan, id: string, host: string): Asked {
  const { kind, voice, opening } = plan;
  const early = opening.includes('much early') ? MUCH : opening.includes('something early') ? LITTLE : 0;
  const endsEarly = opening === 'the client says something early, and ends';
  const drops = plan.how === 'drop' || plan.replyHow === 'drop' || opening === 'the client is gone before the answer';
  return { kind, id: `${voice}-${id}`, host, early, endsEarly, isAlone: drops };
}

/** Opens a tunnel, up to its end. */
export async function openTunnel(
  plan: TunnelPlan,
  asked: Asked,
  client: TunnelClient,
  taken: TakenTunnels,
): Promise<Tunnel> {
  const asking = client.ask(asked);
  const { side: server, accept } = await taken.next(asked.id);
  const tunnel = { client: await asking, server };
  switch (plan.opening) {
    case 'the client resets before the answer':
      tunnel.client.reset(plan.code);
      return tunnel;
    case 'the client is gone before the answer':
      tunnel.client.drop();
      accept();
      return tunnel;
    case 'the server resets before the answer':
      server.reset(plan.code);
      return tunnel;
    case 'the server answers, says something, and ends at once':
      accept();
      server.say(LITTLE);
      server.end();
      break;
    default:
      accept();
  }
  await tunnel.client.until(() => tunnel.client.status > 0);
  return tunnel;
}

/** Both sides talk. */
export async function talk(plan: TunnelPlan, { client, server }: Tunnel, asked: Asked): Promise<void> {
  const serverHasEnded = plan.opening === 'the server answers, says something, and ends at once';
  if (!asked.endsEarly) client.say(plan.talk);
  if (!serverHasEnded) server.say(plan.talk);
  // An end that was said at the opening has nothing to do with the one to come.
  if (asked.endsEarly) await server.until(() => server.hasHeardEnd);
  if (serverHasEnded) await client.until(() => client.hasHeardEnd);
  if (plan.isUnderWay) return;
  const toServer = asked.early + (asked.endsEarly ? 0 : plan.talk);
  const toClient = serverHasEnded ? LITTLE : plan.talk;
  await server.until(() => server.octets >= toServer);
  await client.until(() => client.octets >= toClient);
}

/** One side's part of the talk where nothing has ended. @param hears octets that the other one says */
export async function talkOf(side: TunnelSide, plan: TunnelPlan, hears: number): Promise<void> {
  side.say(plan.talk);
  if (!plan.isUnderWay) await side.until(() => side.octets >= hears);
}

/** What the side that is left does when the other one has died. @returns what it saw */
export async function outlive(side: TunnelSide, { kind, reply, replyHow, code }: TunnelPlan): Promise<Seen> {
  await side.until(() => (kind === 'http2' ? side.isOver : side.hasHeardEnd));
  if (!side.isOver) {
    side.say(reply);
    finish(side, replyHow, code);
    await side.until(() => side.isOver);
  }
  return side.seen;
}

/** Ends it as planned. */
export async function endTunnel(plan: TunnelPlan, { client, server }: Tunnel): Promise<void> {
  const { first, how, bye, reply, replyHow, code } = plan;
  const [one, other] = first === 'server' ? [server, client] : [client, server];
  one.say(bye);
  if (first === 'both') {
    other.say(bye);
    finish(other, replyHow, code);
    return finish(one, how, code);
  }
  finish(one, how, code);
  // Over HTTP/2 a reset is heard as that, and not as the end that Node says before it.
  const isCut = how !== 'end' && plan.kind === 'http2';
  await other.until(() => (isCut ? other.isOver : other.hasHeardEnd));
  if (other.isOver) return;
  other.say(reply);
  finish(other, replyHow, code);
}

/** Carries a plan out. @param untilEnd the tunnel stays open for so long */
export async function carryOut(
  plan: TunnelPlan,
  asked: Asked,
  client: TunnelClient,
  taken: TakenTunnels,
  untilEnd?: Promise<void>,
): Promise<SeenOfBoth> {
  const tunnel = await openTunnel(plan, asked, client, taken);
  if (endsBeforeAnswer(plan)) {
    const { server } = tunnel;
    await server.until(() => (plan.kind === 'http2' ? server.isOver : server.hasHeardEnd));
    server.end();
    await tunnel.client.until(() => tunnel.client.hasHeardEnd || tunnel.client.status > 0);
    tunnel.client.end();
  } else {
    await talk(plan, tunnel, asked);
    await untilEnd;
    await endTunnel(plan, tunnel);
  }
  return await bothOver(tunnel);
}

export async function bothOver({ client, server }: Tunnel): Promise<SeenOfBoth> {
  await client.until(() => client.isOver);
  await server.until(() => server.isOver);
  // What did not come to its end is told, and held no longer.
  for (const side of [client, server]) if (!side.isOver) side.drop();
  return { client: client.seen, server: server.seen };
}

function finish(side: TunnelSide, how: TunnelPlan['how'], code: number): void {
  if (how === 'end') side.end();
  else if (how === 'reset') side.reset(code);
  else side.drop();
}
