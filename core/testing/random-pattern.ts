import type { Random } from './random.ts';

/** A text that is often, but not always, a pattern of RE2 syntax. */
export function randomPattern(random: Random, depth = 0): string {
  let pattern = '';
  for (let i = random.below(5); i >= 0; i--) {
    const atom = depth < 3 && random.below(5) === 0 ? randomGroup(random, depth) : random.pick(ATOMS);
    pattern += atom + random.pick(SIGNS);
    if (random.below(12) === 0) pattern += '|';
  }
  return pattern;
}

function randomGroup(random: Random, depth: number): string {
  // RE2 takes each name but once; Go's regexp takes it again.
  const name = `?P<x${random.below(1_000_000_000)}>`;
  return `(${random.pick(['', '', '?:', '?i:', '?s:', '?m:', '?U:', name])}${randomPattern(random, depth + 1)})`;
}

/** A short text of what {@link randomPattern} is about, valid Unicode. */
export function randomText(random: Random): string {
  let text = '';
  for (let i = random.below(10); i > 0; i--) text += random.pick(CHARACTERS);
  return text;
}

const ATOMS = [
  ...['/', '/', 'a', 'b', 'ab', 'A', '1', '-', ' ', '.', '.', '[^/]', '[^/]', '[ab]', '[^a]', '[a-z0-9]', '[^\\n]'],
  ...['\\d', '\\D', '\\w', '\\W', '\\s', '\\.', '\\/', '\\n', '\\x61', '\\x{e9}', '\\Qa.b\\E', '[[:alpha:]]', '[\\d-]'],
  ...['^', '$', '\\b', '\\B', '\\A', '\\z', '(?i)', 'k', 's', 'é', 'É', 'ſ', 'σ', '\u{1f600}', '[à-ü]', '\\pL', '\\PL'],
  ...['\\p{Greek}', '\\p{Lu}', '[\\pN_]', '[\u{1f600}-\u{1f64f}]', '|'],
];
const SIGNS = ['', '', '', '', '*', '+', '?', '{2}', '{1,3}', '{0,2}', '{2,}', '*?', '+?', '??'];
const CHARACTERS = [
  ...['/', '/', 'a', 'a', 'b', 'ab', 'A', 'B', '1', '-', '_', '.', ' ', '\n', 'k', 'K', '\u212a', 's', 'S', 'ſ'],
  ...['é', 'É', 'à', 'σ', 'ς', 'Σ', '\u{1f600}', '\u{10ffff}', '٣', '中'],
];
