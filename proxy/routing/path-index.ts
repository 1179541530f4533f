import { Pattern } from '../../core/regex/pattern.ts';
import { type Entry, firstOf, insert, insertAt } from './entry.ts';
import { PatternEntries, type PatternEntry } from './pattern-entries.ts';
import { isEndOfSegment, type Matcher, type RequestView } from './predicate.ts';
import { PrefixTree } from './prefix-tree.ts';
import { lowerCase, pathOf, pathTextOf } from './request-parts.ts';

/** Entries by exact path, prefix and pattern. */
export class PathIndex {
  readonly #ignoreCase: boolean;
  readonly #exact = new Map<string, Entry>();
  readonly #prefixes = new PrefixTree<PrefixBuckets>();
  #patterns: PatternEntry[] = [];
  #isEmpty = true;

  /** @param ignoreCase paths that are added are in lower case, those of requests are brought to it */
  constructor(ignoreCase: boolean) {
    this.#ignoreCase = ignoreCase;
  }

  /** Adds a path, in lower case where case is ignored. */
  addExact(path: string, entry: Entry): void {
    this.#isEmpty = false;
    insertAt(this.#exact, path, entry);
  }

  /** @param kind `prefix`: plain text; `segments`: whole segments, without the last slash */
  addPrefix(prefix: string, kind: 'prefix' | 'segments', entry: Entry): void {
    this.#isEmpty = false;
    const buckets = this.#at(prefix);
    if (kind === 'prefix') buckets.addPrefix(entry);
    else buckets.addSegments(entry);
  }

  /** Adds a pattern, anchored at both ends. @throws PatternError when it cannot be bounded */
  addPattern(regex: string, entry: Entry): void {
    const pattern = Pattern.compile(regex);
    if (pattern.isLiteral) return this.addExact(pattern.prefix, entry);
    this.#isEmpty = false;
    this.#patterns.push({ pattern, entry });
  }

  /** Puts the patterns where they are found: all has been added. */
  complete(): void {
    const groups = new Map<string, PatternEntry[]>();
    for (const each of this.#patterns) {
      const prefix = this.#patterns.length > MAX_TOGETHER ? each.pattern.prefix : '';
      const group = groups.get(prefix);
      if (group) group.push(each);
      else groups.set(prefix, [each]);
    }
    for (const [prefix, group] of groups) this.#at(prefix).addPatterns(group);
    this.#patterns = [];
  }

  /** The first route before `limit` that takes the request, or `limit`. */
  first(request: RequestView, limit: number): number {
    if (this.#isEmpty) return limit;
    const path = this.#ignoreCase ? lowerCase(pathOf(request.path)) : pathOf(request.path);
    limit = firstOf(this.#exact.get(path), request, limit);
    const count = this.#prefixes.match(path);
    for (let i = 0; i < count; i++) limit = this.#prefixes.hits[i]!.first(path, request, limit);
    return limit;
  }

  #at(prefix: string): PrefixBuckets {
    return this.#prefixes.at(prefix, () => new PrefixBuckets(prefix.length));
  }
}

/** Entries of one prefix. */
class PrefixBuckets {
  /** The prefix is all. */
  #prefix: Entry | null = null;
  /** It has to end with a segment. */
  #segments: Entry | null = null;
  #patterns: PatternEntries | null = null;
  readonly #length: number;

  constructor(length: number) {
    this.#length = length;
  }

  addPrefix(entry: Entry): void {
    this.#prefix = insert(this.#prefix, entry);
  }

  addSegments(entry: Entry): void {
    this.#segments = insert(this.#segments, entry);
  }

  /** Patterns that begin with the prefix; all of them at once. */
  addPatterns(patterns: readonly PatternEntry[]): void {
    if (patterns.length > MAX_APART) {
      this.#patterns = new PatternEntries(patterns);
      return;
    }
    for (const { pattern, entry } of patterns) {
      const { order, holds } = entry;
      const matches: Matcher = (request) => pattern.matches(pathTextOf(request.path)) && (holds?.(request) ?? true);
      this.addPrefix({ order, holds: matches, next: null });
    }
  }

  /** @param path begins with the prefix */
  first(path: string, request: RequestView, limit: number): number {
    limit = firstOf(this.#prefix, request, limit);
    if (this.#segments && isEndOfSegment(path, this.#length)) limit = firstOf(this.#segments, request, limit);
    return this.#patterns ? this.#patterns.first(pathTextOf(request.path), request, limit) : limit;
  }
}

/**
 * Up to so many patterns are one set, whatever they begin with, so that a path is read by all of them at once. More
 * would need more states than a set keeps: then each set has those that begin alike.
 */
const MAX_TOGETHER = 128;

/** So few patterns are tried one by one: a set of them would save nothing. */
const MAX_APART = 3;
