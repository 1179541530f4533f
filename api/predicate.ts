import type { StringMatch } from './string-match.ts';

/**
 * Which requests a route takes. What the control plane can decide for a client (its namespace, its labels, the port of
 * the Service) never comes here: the translator leaves the route out.
 */
export type Predicate =
  | { readonly all: readonly Predicate[] }
  | { readonly any: readonly Predicate[] }
  | { readonly not: Predicate }
  | { readonly method: StringMatch }
  | { readonly path: PathMatch }
  /**
   * Lines of one name are joined with `, ` (RFC 9110 5.3), cookies with `; `. Without `value`: the header is there. `host` is the
   * authority as it was sent, `:path` the path with its query.
   */
  | { readonly header: string; readonly value?: StringMatch }
  /** The first parameter of that name, percent-decoded with `+` as a space. Without `value`: it is there. */
  | { readonly query: string; readonly value?: StringMatch }
  /** In lower case, without its port. */
  | { readonly authority: StringMatch }
  | { readonly scheme: StringMatch };

/**
 * Exactly one of `exact`, `prefix`, `suffix`, `segments` and `regex` is set; all look at the path without its query. `prefix`
 * and `suffix` are plain text, `segments` a prefix of whole segments (Gateway API `PathPrefix`); `regex` is RE2 syntax, anchored at both ends.
 */
export interface PathMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly suffix?: string;
  readonly segments?: string;
  readonly regex?: string;
  /** Letters of either case are the same; says nothing of `regex`, which has `(?i)`. */
  readonly ignoreCase?: boolean;
}
