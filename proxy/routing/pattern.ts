import { RE2JS } from 're2js';

/**
 * Compiles a regular expression of RE2 syntax, anchored at both ends; linear in the text, whatever the pattern.
 *
 * What profiles are made of (`/users/[^/]*`, `/api/.*`, `/items/\d+/photo`) is matched from left to right by character
 * sets, without an engine: twenty such routes cost a request a fifth of its processor time otherwise. Any other pattern
 * goes to the engine, after a look at the text that it must begin with.
 *
 * @throws when the pattern is not of RE2 syntax
 */
export function compilePattern(regex: string): (text: string) => boolean {
  const engine = RE2JS.compile(regex);
  const { prefix, pieces } = readPieces(regex);
  if (!pieces) return (text) => text.startsWith(prefix) && engine.matches(text);
  if (pieces.length === 0) return (text) => text === prefix;
  return (text) => text.startsWith(prefix) && matchPieces(text, prefix.length, pieces);
}

/** A run of characters of one set. */
interface Piece {
  readonly set: CharacterSet;
  /** 0 or 1. */
  readonly min: number;
  readonly isMany: boolean;
}

/** 1 for each member: the ASCII characters, and at 128 every other. */
type CharacterSet = Uint8Array;

function matchPieces(text: string, start: number, pieces: readonly Piece[]): boolean {
  let at = start;
  for (let i = 0; i < pieces.length; i++) {
    const { set, min, isMany } = pieces[i]!;
    const from = at;
    while (at < text.length && (isMany || at === from) && set[Math.min(text.charCodeAt(at), 128)] === 1) at++;
    if (at - from < min) return false;
  }
  return at === text.length;
}

/**
 * Reads a pattern as literal text and the pieces after it; null pieces: it is not so simple, and `prefix` is what every
 * match begins with. Pieces can be matched greedily only where none can take what the next ones need.
 */
function readPieces(regex: string): { prefix: string; pieces: readonly Piece[] | null } {
  let prefix = '';
  const pieces: Piece[] = [];
  for (let at = 0; at < regex.length; ) {
    const atom = readAtom(regex, at);
    if (!atom) return { prefix: safePrefix(prefix, pieces, regex, at), pieces: null };
    const sign = regex[atom.next];
    const isQuantified = sign === '*' || sign === '+';
    at = atom.next + (isQuantified ? 1 : 0);
    if (isQuantified ? '*+?{'.includes(regex[at] ?? ' ') : sign === '?' || sign === '{')
      return { prefix: safePrefix(prefix, pieces, regex, at), pieces: null };
    // Beyond ASCII a character may be two units of the text: only runs may hold any.
    if (!isQuantified && atom.set[128] === 1) return { prefix, pieces: null };
    if (!isQuantified && atom.literal !== '' && pieces.length === 0) prefix += atom.literal;
    else pieces.push({ set: atom.set, min: sign === '*' ? 0 : 1, isMany: isQuantified });
  }
  for (let i = 0; i < pieces.length; i++) {
    if (!pieces[i]!.isMany) continue;
    for (let next = i + 1; next < pieces.length; next++) {
      if (pieces[i]!.set.some((member, code) => member === 1 && pieces[next]!.set[code] === 1))
        return { prefix, pieces: null };
      if (pieces[next]!.min > 0) break;
    }
  }
  return { prefix, pieces };
}

/** An alternative at the top, anywhere in the pattern, has another beginning; a literal before `?` or `{` may be absent. */
function safePrefix(prefix: string, pieces: readonly Piece[], regex: string, at: number): string {
  if (regex.includes('|')) return '';
  const isOptional = pieces.length === 0 && '?{*+'.includes(regex[at] ?? ' ');
  return isOptional ? prefix.slice(0, -1) : prefix;
}

interface Atom {
  readonly set: CharacterSet;
  /** The character, where there is only one. */
  readonly literal: string;
  readonly next: number;
}

function readAtom(regex: string, at: number): Atom | null {
  const character = regex[at]!;
  if (character === '.') return { set: except('\n'), literal: '', next: at + 1 };
  if (regex.startsWith('[^/]', at)) return { set: except('/'), literal: '', next: at + 4 };
  if (character === '\\') {
    const escaped = regex[at + 1] ?? '';
    if (escaped === 'd') return { set: setOf(DIGITS), literal: '', next: at + 2 };
    if (escaped === 'w') return { set: setOf(WORD), literal: '', next: at + 2 };
    return PUNCTUATION.includes(escaped) && escaped !== ''
      ? { set: setOf(escaped), literal: escaped, next: at + 2 }
      : null;
  }
  if ('()[]{}*+?|^$'.includes(character) || character.charCodeAt(0) > 126) return null;
  return { set: setOf(character), literal: character, next: at + 1 };
}

function setOf(characters: string): CharacterSet {
  const set = new Uint8Array(129);
  for (const character of characters) set[character.charCodeAt(0)] = 1;
  return set;
}

function except(character: string): CharacterSet {
  const set = new Uint8Array(129).fill(1);
  set[character.charCodeAt(0)] = 0;
  return set;
}

const DIGITS = '0123456789';
const WORD = `${DIGITS}abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_`;
const PUNCTUATION = './-_~!@#%&=:;,"\'<>+*?|^$()[]{}\\';
