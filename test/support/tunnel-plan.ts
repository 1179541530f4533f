import { constants } from 'node:http2';

import type { Random } from '../../core/testing/random.ts';

export const TUNNEL_KINDS = ['upgrade', 'connect', 'http2'] as const;
export type TunnelKind = (typeof TUNNEL_KINDS)[number];

/** How a side ends: its direction, both directions by a reset, or by being gone. */
export type How = 'end' | 'reset' | 'drop';
/** Whose process is killed. */
export type Victim = 'client' | 'server';

/** What the sides of a tunnel do, in turn. */
export interface TunnelPlan {
  readonly kind: TunnelKind;
  /** From where in the speech both sides speak. Even. */
  readonly voice: number;
  readonly opening: Opening;
  /** Octets that each side says once the tunnel is open. */
  readonly talk: number;
  /** The end comes while they are under way. */
  readonly isUnderWay: boolean;
  readonly first: 'client' | 'server' | 'both';
  readonly how: How;
  /** Octets that are said right before the first end. */
  readonly bye: number;
  /** Octets that the other side says when it has heard of the end, and how it ends. */
  readonly reply: number;
  readonly replyHow: How;
  /** Of RST_STREAM. */
  readonly code: number;
}

const SERVER_ENDS_AT_ONCE = 'the server answers, says something, and ends at once';
/** What happens before the answer is there. */
const OPENINGS = [
  'nothing is said early',
  'the client says something early',
  'the client says much early',
  'the client says something early, and ends',
  SERVER_ENDS_AT_ONCE,
  'the client resets before the answer',
  'the client is gone before the answer',
  'the server resets before the answer',
] as const;
export type Opening = (typeof OPENINGS)[number];

/** A few octets, and more than a window of HTTP/2 and what the kernel takes at once. */
export const LITTLE = 23;
export const MUCH = 200_000;

const AMOUNTS = [0, LITTLE, MUCH] as const;
const FIRST = ['client', 'server', 'both'] as const;
const HOW = ['end', 'end', 'reset', 'drop'] as const;
/** Unlike the others, REFUSED_STREAM before an answer says that another try may be made. */
const CODES = [
  constants.NGHTTP2_CANCEL,
  constants.NGHTTP2_CONNECT_ERROR,
  constants.NGHTTP2_INTERNAL_ERROR,
  constants.NGHTTP2_REFUSED_STREAM,
  constants.NGHTTP2_ENHANCE_YOUR_CALM,
  constants.NGHTTP2_PROTOCOL_ERROR,
];

export function drawPlan(random: Random): TunnelPlan {
  const kind = random.pick(TUNNEL_KINDS);
  const opening = random.oneIn(2) ? OPENINGS[0] : random.pick(OPENINGS);
  const first = random.pick(FIRST);
  const how = drawHow(random, kind, first === 'server');
  const replyHow = drawHow(random, kind, first !== 'server');
  return {
    kind,
    voice: 2 * random.below(30_000),
    opening,
    talk: random.pick(AMOUNTS),
    isUnderWay: random.oneIn(3),
    first,
    how,
    bye: drawLast(random, how),
    reply: drawLast(random, replyHow),
    replyHow,
    code: opening === 'the server resets before the answer' ? constants.NGHTTP2_CANCEL : random.pick(CODES),
  };
}

/** A server does not drop a connection of HTTP/2, on which the tunnels of others are. It dies, though. */
function drawHow(random: Random, kind: TunnelKind, isServer: boolean): How {
  const how = random.pick(HOW);
  return how === 'drop' && kind === 'http2' && isServer ? 'reset' : how;
}

/** Octets that are said right before an end; mostly none where it would be chance how many arrive. */
function drawLast(random: Random, how: How): number {
  return how === 'end' || random.oneIn(4) ? random.pick(AMOUNTS) : 0;
}

/** A plan of a tunnel that stays open while others end, and then ends in peace. */
export function drawStandingPlan(random: Random): TunnelPlan {
  return { ...drawPlan(random), opening: OPENINGS[0], isUnderWay: false, how: 'end', replyHow: 'end' };
}

/** A plan of a tunnel whose one side dies: the rest is for the other side to do. */
export function drawDeath(random: Random, victim: Victim): TunnelPlan {
  return {
    ...drawPlan(random),
    opening: random.pick([OPENINGS[0], OPENINGS[1]]),
    first: victim,
    how: 'drop',
    bye: 0,
  };
}

/** An ending that is not the same twice without a proxy either. Of it is compared that what was heard was said, and that it is over. */
export interface Race {
  readonly name: string;
  readonly why: string;
  readonly when: (plan: TunnelPlan) => boolean;
}

export const RACES: readonly Race[] = [
  {
    name: 'the server goes without an answer',
    why: 'There is no tunnel: what the client gets is an answer of the proxy (502), where without one it gets none.',
    when: ({ opening }) => opening === 'the server resets before the answer',
  },
  {
    name: 'the client goes before the answer',
    why: 'The kernel of a side that is gone answers octets with a reset: whether the server reads the end before the reset is chance.',
    when: ({ opening }) => opening === 'the client is gone before the answer',
  },
  {
    name: 'cut with octets under way',
    why: 'A reset throws away what the other kernel holds unread, and a close with octets unread is a reset: how many were read by then is chance.',
    when: (plan) => {
      const { how, bye, replyHow, reply, first } = plan;
      return (
        (how !== 'end' && (bye > 0 || talksUnderWay(plan))) ||
        (replyHow !== 'end' && (reply > 0 || talksUnderWay(plan) || (first === 'both' && bye > 0)))
      );
    },
  },
  {
    name: 'both at once, and not gently',
    why: 'Whether one side hears of the other before it acts itself is chance.',
    when: ({ first, how, replyHow }) => first === 'both' && (how !== 'end' || replyHow !== 'end'),
  },
  {
    name: 'something is said to a side that is gone',
    why: 'The kernel of a side that is gone answers octets with a reset, which comes before or after the speaker has ended.',
    when: ({ first, how, reply }) => first !== 'both' && how === 'drop' && reply > 0,
  },
  {
    name: 'reset by a side that has ended its direction',
    why: 'Who has heard the end reads no more, and meets the reset when it writes: whether that is before it has ended itself is chance.',
    when: ({ how, first, opening }) =>
      how === 'reset' &&
      opening === (first === 'server' ? SERVER_ENDS_AT_ONCE : 'the client says something early, and ends'),
  },
  {
    name: 'reset of a side that has ended, over HTTP/2',
    why: 'Node says END_STREAM before RST_STREAM: with the first the tunnel is over, and whether the second is read with it is chance.',
    when: ({ kind, opening, first, how, replyHow, code }) =>
      kind === 'http2' &&
      code !== constants.NGHTTP2_INTERNAL_ERROR &&
      (replyHow === 'reset' ||
        (how === 'reset' &&
          opening === (first === 'server' ? 'the client says something early, and ends' : SERVER_ENDS_AT_ONCE))),
  },
];

/** How many of them are about what happens before the answer, which is then all that happens. */
const BEFORE_ANSWER = 2;

/** Why a plan's ending is not the same twice; null: it is. */
export function raceOf(plan: TunnelPlan): Race | null {
  return RACES.slice(0, endsBeforeAnswer(plan) ? BEFORE_ANSWER : undefined).find(({ when }) => when(plan)) ?? null;
}

/** Whether the opening is all that happens. */
export function endsBeforeAnswer({ opening }: TunnelPlan): boolean {
  return opening.endsWith('before the answer');
}

function talksUnderWay({ isUnderWay, talk, opening }: TunnelPlan): boolean {
  return isUnderWay && (talk > 0 || opening.startsWith('the client says'));
}
