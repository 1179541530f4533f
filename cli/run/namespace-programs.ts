import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What the namespaces mode starts, by the Debian package that has it. */
const PACKAGES: Readonly<Record<string, string>> = {
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
  ip: 'iproute2',
};

/** Why the namespaces mode cannot be tried here: a program that it always needs is not on the PATH; empty: none is missing. */
export function programObstacle(): string {
  const missing = Object.keys(PACKAGES).filter(isMissing);
  if (IPTABLES.filter((name) => name.endsWith('-save')).every(isMissing)) missing.push('iptables');
  return needOf(missing);
}

/**
 * Which programs of iptables are not on the PATH, as a sentence; empty: none is missing. A kernel wants those of one
 * flavour, and only a trial tells which.
 */
export function iptablesObstacle(): string {
  return needOf(IPTABLES.filter(isMissing));
}

function needOf(programs: readonly string[]): string {
  const packages = [...new Set(programs.map((name) => PACKAGES[name] ?? 'iptables'))];
  return programs.length === 0 ? '' : `namespaces need ${listOf(programs)}: install ${listOf(packages)}`;
}

const LIST = new Intl.ListFormat('en-GB', { type: 'conjunction' });

function listOf(words: readonly string[]): string {
  return LIST.format(words);
}

function isMissing(program: string): boolean {
  return !(process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What proxy/init starts, of either flavour and family. */
const IPTABLES = ['nft', 'legacy'].flatMap((flavour) =>
  ['iptables', 'ip6tables'].flatMap((name) => [`${name}-${flavour}-save`, `${name}-${flavour}-restore`]),
);
