import { setTimeout as sleep } from 'node:timers/promises';

import { AUTHORITY_LIFETIME_MS } from '../../api/identity-environment.ts';
import { durationBetween } from '../../core/config/setting-kinds.ts';
import { WeftError } from '../../core/errors/weft-error.ts';
import { ApiClient } from '../../core/kubernetes/api-client.ts';
import { readArguments, readValue } from '../command-line.ts';
import { someOf } from '../some-of.ts';
import { type RotationFacts, type RotationStep, rotationStep } from './rotation.ts';
import { newAuthorities, RotationCluster, readAuthorities } from './rotation-cluster.ts';

/** `weft identity rotate`. @returns the exit code */
export async function rotate(args: readonly string[]): Promise<number> {
  const { values } = readArguments('identity rotate', args, {
    directory: { type: 'string', short: 'd' },
    lifetime: { type: 'string', default: '87600h' },
    status: { type: 'boolean', default: false },
    force: { type: 'boolean', default: false },
    timeout: { type: 'string', default: '1h' },
  });
  const lifetimeMs = readValue('--lifetime', values.lifetime, durationBetween(...AUTHORITY_LIFETIME_MS));
  const timeoutMs = readValue('--timeout', values.timeout, durationBetween(1000, 720 * 3_600_000));
  const api = await ApiClient.fromCluster();
  const cluster = new RotationCluster(api);
  try {
    if (values.status) {
      print(`next: ${wordsOf(rotationStep(await cluster.facts()))}`);
      return 0;
    }
    const authorities = () => (values.directory ? readAuthorities(values.directory) : newAuthorities(lifetimeMs));
    await walk(cluster, authorities, { isForced: values.force, deadline: Date.now() + timeoutMs });
    return 0;
  } finally {
    api.close();
  }
}

/** Takes one step after the other until the old root is gone. What it waits for is printed when it changes. */
async function walk(
  cluster: RotationCluster,
  authorities: () => ReturnType<typeof newAuthorities>,
  { isForced, deadline }: { readonly isForced: boolean; readonly deadline: number },
): Promise<void> {
  let said = '';
  let askedAt = Date.now();
  for (;;) {
    const facts = await cluster.facts();
    const next = rotationStep(facts);
    const words = wordsOf(next);
    if (words !== said) print(words);
    said = words;
    switch (next.step) {
      case 'stage':
        await cluster.stage(authorities());
        break;
      case 'trust':
        await cluster.trust();
        break;
      case 'switch':
        await cluster.switch();
        // Each replica of identity looks every five seconds.
        await sleep(IDENTITY_LOOKS_MS);
        break;
      case 'renew':
        await cluster.renew();
        askedAt = Date.now();
        break;
      case 'drop':
        await cluster.drop();
        break;
      case 'finish':
        await cluster.finish();
        print('done: the new root alone is trusted');
        return;
      default:
        if (isForced && next.step === 'await-renewal') {
          print(`dropping the old root all the same: cut off until they have renewed: ${someOf(next.waiting, SHOWN)}`);
          await cluster.drop();
          await cluster.finish();
          return;
        }
        if (Date.now() > deadline) throw timedOut(next.step, next.waiting, facts);
        // One that asked a replica of identity that was late still has the old issuer's.
        if (next.step === 'await-renewal' && Date.now() - askedAt > ASK_AGAIN_MS) {
          await cluster.renew();
          askedAt = Date.now();
        }
        await sleep(POLL_MS);
    }
  }
}

function wordsOf(next: RotationStep): string {
  switch (next.step) {
    case 'stage':
      return 'making a new root and issuer';
    case 'trust':
      return 'adding the new root to those that are trusted';
    case 'await-trust':
      return `waiting until everybody trusts the new root: ${next.waiting.length} left: ${someOf(next.waiting, SHOWN)}`;
    case 'switch':
      return 'having identity sign with the new issuer';
    case 'renew':
      return 'asking everybody to renew';
    case 'await-renewal':
      return `waiting until nobody shows a certificate of the old root: ${next.waiting.length} left: ${someOf(next.waiting, SHOWN)}`;
    case 'drop':
      return 'dropping the old root';
    case 'await-drop':
      return `waiting until nobody trusts the old root: ${next.waiting.length} left: ${someOf(next.waiting, SHOWN)}`;
    case 'finish':
      return 'putting away what was kept for it';
  }
}

function timedOut(step: string, waiting: readonly string[], { replicas }: RotationFacts): WeftError {
  const connected = replicas.reduce((sum, { proxies }) => sum + proxies.length, 0);
  return new WeftError(
    'rotation_waits',
    `${waiting.length} have not followed in time, with ${connected} proxies connected: ${someOf(waiting, SHOWN)}`,
    {
      hint:
        step === 'await-renewal'
          ? 'look at their logs, or restart them, and run the command again: it goes on where it was. --force drops the old root, which cuts them off'
          : 'look at their logs, or restart them, and run the command again: it goes on where it was',
    },
  );
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const POLL_MS = 2000;
const IDENTITY_LOOKS_MS = 12_000;
const ASK_AGAIN_MS = 180_000;
/** Names that a line shows at most. */
const SHOWN = 5;
