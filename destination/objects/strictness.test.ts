import t from 'tap';

import { damagedVersions, problemsOf } from '../testing/damage.ts';
import { goldenFiles, readGolden } from '../testing/golden.ts';
import type { Fields } from './json.ts';
import { KINDS, type Kind, POLICY_KINDS } from './kinds.ts';
import type { Problem } from './problem.ts';

/** Objects whose names are the author's own. */
const FREE = /\.(labels|matchLabels|sourceLabels|set|add|selector|to)$/;

/** Whether nothing of an object is read, so that its other fields are not looked at. */
function isUnusable(kind: Kind, raw: Fields): boolean {
  try {
    KINDS[kind].read(raw, []);
    return false;
  } catch {
    return true;
  }
}

/** What is for gateways alone is not read. */
function isForGateways({ spec }: Fields): boolean {
  const { gateways = ['mesh'] } = (spec ?? {}) as { readonly gateways?: readonly string[] };
  return !gateways.includes('mesh');
}

/** Whether a problem's path leads to a place, or to what it is in. */
function isAbout(problem: Problem, path: string): boolean {
  return (
    path === problem.path ||
    [path, problem.path].some(
      (a, at, both) => /^[.[]/.test(both[1 - at]!.slice(a.length)) && both[1 - at]!.startsWith(a),
    )
  );
}

for (const kind of POLICY_KINDS) {
  t.test(`every field of ${kind} that is unknown or of a wrong type is complained of where it stands`, async (t) => {
    const objects = goldenFiles()
      .flatMap(readGolden)
      .filter((each) => each.kind === KINDS[kind].name && each.apiVersion.startsWith(`${KINDS[kind].group}/`));
    let damages = 0;
    const silent = new Set<string>();
    for (const object of objects) {
      const raw = object as unknown as Fields;
      const before = problemsOf(kind, raw);
      if (isUnusable(kind, raw) || isForGateways(raw)) continue;
      const isPassedOver = (path: string) =>
        before.some(
          (each) => path === each.path || path.startsWith(`${each.path}.`) || path.startsWith(`${each.path}[`),
        );
      for (const { what, path, raw: damaged } of damagedVersions(raw, (path) => FREE.test(path))) {
        if (isPassedOver(path)) continue;
        damages++;
        const found = problemsOf(kind, damaged).filter((each) => isAbout(each, path));
        if (found.length === 0) silent.add(`${what} ${path.replace(/\[\d+\]/g, '[]')}`);
      }
    }
    t.same([...silent].sort(), []);
    t.ok(damages > 0, `${damages} damaged versions`);
  });
}
