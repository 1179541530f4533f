import type { Token } from '../../core/jwt/token.ts';

/** A token, and by which rules its signature was looked at. */
export interface RememberedToken {
  readonly token: Token;
  /** By rule: what is wrong with its signature; null: nothing; absent: nobody has looked. */
  readonly signatures: Map<number, string | null>;
}

/**
 * Tokens that came before, so that one that is shown again costs no signature. Those that are forgotten first have not been
 * shown for the longest time. Bounded by their number and by their length together.
 */
export class RememberedTokens {
  readonly #byText = new Map<string, RememberedToken>();
  readonly #mostTokens: number;
  readonly #mostCharacters: number;
  #characters = 0;

  constructor(bounds: { readonly mostTokens: number; readonly mostCharacters: number }) {
    this.#mostTokens = bounds.mostTokens;
    this.#mostCharacters = bounds.mostCharacters;
  }

  get size(): number {
    return this.#byText.size;
  }

  find(text: string): RememberedToken | null {
    const known = this.#byText.get(text);
    if (!known) return null;
    this.#byText.delete(text);
    this.#byText.set(text, known);
    return known;
  }

  keep(text: string, remembered: RememberedToken): void {
    this.#forget(text);
    this.#byText.set(text, remembered);
    this.#characters += text.length;
    for (const oldest of this.#byText.keys()) {
      if (this.#byText.size <= this.#mostTokens && this.#characters <= this.#mostCharacters) return;
      this.#forget(oldest);
    }
  }

  #forget(text: string): void {
    if (this.#byText.delete(text)) this.#characters -= text.length;
  }
}
