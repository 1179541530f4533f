/** Exactly one field is set. `regex` is RE2 syntax, anchored at both ends. */
export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}
