import { Pattern } from '../../core/regex/pattern.ts';
import { Bucket, bucketOf, type Entry, PatternBucket } from './bucket.ts';
import { beginsWithSegments, type RequestView } from './predicate.ts';
import { PrefixTree } from './prefix-tree.ts';
import { lowerCase, pathOf, pathTextOf } from './request-parts.ts';

/** Entries by exact path, prefix and pattern. */
export class PathIndex {
  readonly #ignoreCase: boolean;
  readonly #exact = new Map<string, Bucket>();
  readonly #prefixes = new PrefixTree<PrefixBuckets>();
  #patterns: { readonly pattern: Pattern; readonly entry: Entry }[] = [];
  #isEmpty = true;

  /** @param ignoreCase paths that are added are in lower case, those of requests are brought to it */
  constructor(ignoreCase: boolean) {
    this.#ignoreCase = ignoreCase;
  }

  addExact(path: string, entry: Entry): void {
    this.#isEmpty = false;
    bucketOf(this.#exact, path).add(entry);
  }

  /** @param kind `prefix`: plain text; `segments`: whole segments, without the last slash */
  addPrefix(prefix: string, kind: 'prefix' | 'segments', entry: Entry): void {
    this.#isEmpty = false;
    this.#at(prefix)[kind].add(entry);
  }

  addPattern(regex: string, entry: Entry): void {
    const pattern = Pattern.compile(regex);
    if (pattern.isLiteral) return this.addExact(pattern.prefix, entry);
    this.#isEmpty = false;
    this.#patterns.push({ pattern, entry });
  }

  /** Puts the patterns where they are found: all has been added. */
  complete(): void {
    const groups = new Map<string, { readonly pattern: Pattern; readonly entry: Entry }[]>();
    for (const each of this.#patterns) {
      const prefix = this.#patterns.length > MAX_TOGETHER ? each.pattern.prefix : '';
      const group = groups.get(prefix);
      if (group) group.push(each);
      else groups.set(prefix, [each]);
    }
    for (const [prefix, group] of groups) {
      this.#at(prefix).pattern = new PatternBucket(
        group.map(({ pattern }) => pattern),
        group.map(({ entry }) => entry),
      );
    }
    this.#patterns = [];
  }

  /** The first route before `limit` that takes the request, or `limit`. */
  first(request: RequestView, limit: number): number {
    if (this.#isEmpty) return limit;
    const path = this.#ignoreCase ? lowerCase(pathOf(request.path)) : pathOf(request.path);
    limit = this.#exact.get(path)?.first(request, limit) ?? limit;
    const count = this.#prefixes.match(path);
    for (let i = 0; i < count; i++) limit = this.#prefixes.hits[i]!.first(path, request, limit);
    return limit;
  }

  #at(prefix: string): PrefixBuckets {
    return this.#prefixes.at(prefix, () => new PrefixBuckets(prefix));
  }
}

/** Entries of one prefix. */
class PrefixBuckets {
  /** The prefix is all. */
  readonly prefix = new Bucket();
  /** It has to end with a segment. */
  readonly segments = new Bucket();
  /** Patterns that begin with it. */
  pattern: PatternBucket | null = null;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  first(path: string, request: RequestView, limit: number): number {
    limit = this.prefix.first(request, limit);
    if (beginsWithSegments(path, this.#text)) limit = this.segments.first(request, limit);
    return this.pattern?.first(pathTextOf(request.path), request, limit) ?? limit;
  }
}

/**
 * Up to so many patterns are one set, whatever they begin with, so that a path is read by all of them at once. More
 * would need more states than a set keeps: then each set has those that begin alike.
 */
const MAX_TOGETHER = 128;
