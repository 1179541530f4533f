/** Exactly one field is set, besides `ignoreCase`. `regex` is RE2 syntax, anchored at both ends. */
export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly suffix?: string;
  /** Any text but an empty one. */
  readonly present?: true;
  readonly regex?: string;
  /** Latin letters are compared without regard to case; not with `regex`, which says so itself. Absent: they are not. */
  readonly ignoreCase?: true;
}
