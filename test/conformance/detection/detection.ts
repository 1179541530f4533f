import { type Outcome, sum } from '../outcome.ts';
import { runHeads } from './heads.ts';

/** What a connection carries, told from outside: damaged heads before other people's servers. */
export async function runDetection(): Promise<Outcome> {
  return sum([await runHeads()]);
}
