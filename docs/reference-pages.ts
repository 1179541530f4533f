import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { referenceParts } from './reference-parts.ts';

/** A page of the reference: prose by hand, and parts between `<!-- generated NAME -->` and `<!-- /generated -->`. */
export interface ReferencePage {
  readonly file: string;
  /** As it stands. */
  readonly text: string;
  /** As it should be. */
  readonly fresh: string;
}

/**
 * Every page of docs/reference, with its generated parts made anew from the constants.
 *
 * @throws Error for a part that does not exist, or that no page shows
 */
export function referencePages(): ReferencePage[] {
  const parts = referenceParts();
  const shown = new Set<string>();
  const pages = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.md'))
    .map((name): ReferencePage => {
      const file = join(FOLDER, name);
      const text = readFileSync(file, 'utf8');
      const fresh = text.replaceAll(PART, (_, part: string) => {
        if (!Object.hasOwn(parts, part)) throw new Error(`${name}: there is no part "${part}"`);
        shown.add(part);
        return `<!-- generated ${part} -->\n\n${parts[part]!.trim()}\n\n<!-- /generated -->`;
      });
      return { file, text, fresh };
    });
  const missing = Object.keys(parts).filter((part) => !shown.has(part));
  if (missing.length > 0) throw new Error(`no page of the reference shows ${missing.join(', ')}`);
  return pages;
}

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), 'reference');
const PART = /<!-- generated ([a-z-]+) -->[\s\S]*?<!-- \/generated -->/g;
