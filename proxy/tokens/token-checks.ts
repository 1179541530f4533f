import type { TokenRule } from '../../api/request-authentication.ts';
import { type AuthenticatedRequest, type Authentication, RequestAuthenticator } from './request-authenticator.ts';

/**
 * What is done about tokens now, replaced live. What was found out of tokens stays for as long as the rules do, and keys stay that
 * destination does not know any more where it names the same source: it has begun anew, and the source is away.
 */
export class TokenChecks {
  readonly #onFault: (fault: string) => void;
  #rules: readonly TokenRule[] = [];
  #text = '';
  /** null: no token is looked at. */
  #authenticator: RequestAuthenticator | null = null;
  /** Why no request is let in; empty: rules can be checked by. */
  #fault = '';

  /** @param onFault told of rules that cannot be checked by, so that nobody is let in */
  constructor(onFault: (fault: string) => void) {
    this.#onFault = onFault;
  }

  /** @returns the rules with the keys that are known of them; undefined: there are none */
  update(next: readonly TokenRule[] = []): readonly TokenRule[] | undefined {
    this.#rules = next.map((rule) => withKnownKeys(rule, this.#rules));
    const text = JSON.stringify(this.#rules);
    if (text !== this.#text) {
      this.#text = text;
      this.#compile();
    }
    return this.#rules.length > 0 ? this.#rules : undefined;
  }

  /** What is found of a request's tokens; null: none is looked at. @param nowMs since 1970 */
  of(request: AuthenticatedRequest, nowMs: number): Authentication | null {
    if (this.#fault !== '') {
      const [{ origin, path }] = this.#rules as [TokenRule];
      const fault = { kind: 'invalid', why: `cannot be checked: ${this.#fault}`, origin, path } as const;
      return { path: request.path, fields: request.fields, token: null, fault, validUntilMs: 0 };
    }
    return this.#authenticator?.authenticate(request, nowMs) ?? null;
  }

  /** Fields, of trailers, without those that a rule fills. */
  withoutLent(fields: readonly string[]): readonly string[] {
    return this.#authenticator ? this.#authenticator.withoutLent(fields) : fields;
  }

  #compile(): void {
    this.#fault = '';
    try {
      this.#authenticator = this.#rules.length > 0 ? new RequestAuthenticator(this.#rules) : null;
    } catch (error) {
      this.#authenticator = null;
      this.#fault = (error as Error).message;
      this.#onFault(`${this.#rules[0]!.origin}: ${this.#fault}`);
    }
  }
}

function withKnownKeys(rule: TokenRule, before: readonly TokenRule[]): TokenRule {
  if (rule.keys || rule.keysFrom === undefined) return rule;
  const known = before.find((each) => each.keysFrom === rule.keysFrom && each.issuer === rule.issuer && each.keys);
  return known ? { ...rule, keys: known.keys } : rule;
}
