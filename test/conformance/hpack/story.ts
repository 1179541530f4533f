import type { Random } from '../../../core/testing/random.ts';

/** One header block of a connection, and what table size is set before it; -1: it stays. */
export interface Chapter {
  readonly tableSize: number;
  readonly fields: readonly string[];
}

/** The header lists of one connection, which repeat themselves as real ones do. */
export function tellStory(random: Random): Chapter[] {
  const names = Array.from({ length: 3 + random.below(12) }, () => name(random));
  const values = Array.from({ length: 3 + random.below(20) }, () => value(random));
  return Array.from({ length: 1 + random.below(30) }, () => {
    const fields = random.oneIn(4) ? [':status', random.pick(['200', '204', '404', '299'])] : request(random);
    for (let count = random.below(14); count > 0; count--) {
      fields.push(
        random.oneIn(5) ? name(random) : random.pick(names),
        random.oneIn(4) ? value(random) : random.pick(values),
      );
    }
    return { tableSize: random.oneIn(6) ? random.pick(SIZES) : -1, fields };
  });
}

function request(random: Random): string[] {
  return [
    ':method',
    random.pick(['GET', 'POST', 'PUT']),
    ':scheme',
    random.pick(['http', 'https']),
    ':path',
    random.pick(['/', '/index.html', `/${random.below(1000)}`, '/a?b=c']),
    ':authority',
    random.pick(['web', 'api.default.svc.cluster.local']),
  ];
}

function name(random: Random): string {
  if (random.oneIn(2))
    return random.pick([
      'accept',
      'cookie',
      'authorization',
      'user-agent',
      'x-request-id',
      'content-type',
      'grpc-status',
      'date',
    ]);
  return `x-${'n'.repeat(random.below(random.oneIn(10) ? 300 : 8))}${random.below(40)}`;
}

function value(random: Random): string {
  const length = random.below(random.oneIn(20) ? 5000 : random.oneIn(3) ? 200 : 20);
  let text = '';
  const any = random.oneIn(3);
  for (let i = 0; i < length; i++) text += String.fromCharCode(any ? random.below(256) : 32 + random.below(95));
  return text;
}

const SIZES = [0, 0, 1, 31, 32, 64, 100, 256, 1000, 2048, 4095, 4096];
