import { type Outcome, sum } from '../outcome.ts';
import { runHeads } from './heads.ts';
import { runOctetServers } from './octet-servers.ts';

/** What a connection carries, told from outside: damaged heads before HTTP servers of others, and octet protocols. */
export async function runDetection(): Promise<Outcome> {
  return sum([await runOctetServers(), await runHeads()]);
}
