import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

import { CAPTURE_ANNOTATION } from '../../api/names.ts';
import { WeftError } from '../../core/errors/weft-error.ts';

/** The two implementations of iptables; a namespace must use one of them throughout. */
export type Flavour = 'nft' | 'legacy';

/**
 * One family's tables by one flavour's programs. Whatever fails is a WeftError: `iptables_missing`, `capability_missing`,
 * or `iptables_failed` with what the program said.
 */
export class Iptables {
  readonly family: 4 | 6;
  readonly flavour: Flavour;

  constructor(family: 4 | 6, flavour: Flavour) {
    this.family = family;
    this.flavour = flavour;
  }

  /** The nat table as text. */
  save(): string {
    return this.#run('save', ['-t', 'nat']);
  }

  /** Applies rules in one transaction, beside those that are there. */
  restore(input: string): void {
    this.#run('restore', ['--noflush', '--wait', '5'], input);
  }

  #run(program: 'save' | 'restore', args: readonly string[], input?: string): string {
    const name = `${this.family === 4 ? 'iptables' : 'ip6tables'}-${this.flavour}-${program}`;
    // Legacy iptables takes a lock in a folder that a read-only root does not have.
    const wait = this.flavour === 'nft' ? args.filter((arg) => arg !== '--wait' && arg !== '5') : args;
    try {
      return execFileSync(name, wait, {
        input: input ?? '',
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { ...process.env, XTABLES_LOCKFILE: '/dev/null' },
      });
    } catch (error) {
      const { code, stderr, message } = error as Error & { code?: string; stderr?: string };
      const text = (stderr || message).trim();
      if (code === 'ENOENT')
        throw new WeftError('iptables_missing', `${name} is not installed`, {
          hint: 'use the image of this release, or install the iptables package',
        });
      if (/Permission denied|Operation not permitted|must be root/i.test(text)) {
        throw new WeftError('capability_missing', `${name} may not change the rules: ${text}`, {
          hint: `the container needs the capabilities NET_ADMIN and NET_RAW and user 0; where the namespace forbids them, set ${CAPTURE_ANNOTATION}: none`,
          cause: error,
        });
      }
      throw new WeftError('iptables_failed', `${name} failed: ${text}`, { cause: error });
    }
  }
}

/**
 * Finds out which flavour this network namespace uses: legacy where legacy tables are loaded in it, else nft where the
 * kernel takes it, else legacy.
 */
export function findFlavour(): Flavour {
  const legacy = '/proc/net/ip_tables_names';
  if (existsSync(legacy) && readOr(legacy, '').includes('nat')) return 'legacy';
  try {
    new Iptables(4, 'nft').save();
    return 'nft';
  } catch (error) {
    if ((error as WeftError).code === 'capability_missing') throw error;
    return 'legacy';
  }
}

/** Whether this namespace has IPv6 at all. */
export function hasIpv6(): boolean {
  return readOr('/proc/net/if_inet6', '') !== '';
}

function readOr(file: string, fallback: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return fallback;
  }
}
