/** Kinds of characters that `\b`, `(?m)^` and `(?m)$` tell apart; all are {@link OTHER} where a pattern has none of them. */
export const OTHER = 0;
/** ASCII letters, digits and `_`. */
export const WORD = 1;
export const NEWLINE = 2;

/** A division of all characters (Unicode code points) into numbered classes. */
export class CharacterClasses {
  /** From 1 to 65,535. */
  readonly count: number;
  /** Class of each of the first 256 characters. */
  readonly latin1: Uint16Array;
  /** Kind of the characters of a class. Key: class. */
  readonly kinds: Uint8Array;
  readonly #bounds: Int32Array;
  /** Class from each bound on. */
  readonly #classes: Uint16Array;

  private constructor(bounds: Int32Array, classes: Uint16Array, kinds: Uint8Array) {
    this.#bounds = bounds;
    this.#classes = classes;
    this.kinds = kinds;
    this.count = kinds.length;
    this.latin1 = new Uint16Array(256);
    for (let i = 0; i < bounds.length && bounds[i]! < 256; i++) this.latin1.fill(classes[i]!, bounds[i]);
  }

  /**
   * Divides the characters by what is said of them.
   *
   * @param bounds ascending characters above 0; between two of them all characters are alike
   * @param looksAtKinds whether characters of different kinds are to be in different classes
   * @param describe a text that is the same for characters that may share a class
   * @returns the classes, and a character of each
   */
  static of(
    bounds: Int32Array,
    looksAtKinds: boolean,
    describe: (character: number) => string,
  ): { classes: CharacterClasses; representatives: readonly number[] } {
    const starts = Int32Array.from([0, ...bounds]);
    const known = new Map<string, number>();
    const representatives: number[] = [];
    const classes = Uint16Array.from(starts, (character) => {
      const key = `${looksAtKinds ? kindOf(character) : OTHER}${describe(character)}`;
      let index = known.get(key);
      if (index === undefined) {
        index = representatives.push(character) - 1;
        known.set(key, index);
      }
      return index;
    });
    const kinds = Uint8Array.from(representatives, (character) => (looksAtKinds ? kindOf(character) : OTHER));
    return { classes: new CharacterClasses(starts, classes, kinds), representatives };
  }

  /** The class of a character. */
  of(character: number): number {
    return character < 256 ? this.latin1[character]! : this.#search(character);
  }

  #search(character: number): number {
    let low = 0;
    let high = this.#bounds.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#bounds[middle]! <= character) low = middle;
      else high = middle - 1;
    }
    return this.#classes[low]!;
  }
}

function kindOf(character: number): number {
  if (character === 10) return NEWLINE;
  const isWord =
    (character >= 48 && character <= 57) ||
    (character >= 65 && character <= 90) ||
    character === 95 ||
    (character >= 97 && character <= 122);
  return isWord ? WORD : OTHER;
}
