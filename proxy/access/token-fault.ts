/** Why the token of a request is not taken. */
export interface TokenFault {
  /**
   * `for-others`: all is well with it, but that it is for somebody else. `keys-unknown`: nobody can tell yet whether it is good.
   */
  readonly kind: 'invalid' | 'for-others' | 'keys-unknown';
  /** A sentence for the operator; nothing of the token but its issuer. */
  readonly why: string;
  /** The object, and where in it, that refuses it. */
  readonly origin: string;
  readonly path: string;
}
