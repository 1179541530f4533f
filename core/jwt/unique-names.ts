/**
 * Whether no object of a JSON text has two members of one name. Readers differ in which of the two they take (RFC 8259 section
 * 4), so that what one has checked another does not see.
 *
 * @param text that `JSON.parse` takes
 */
export function hasUniqueNames(text: string): boolean {
  /** Names of each object that is open; null: it is a list. */
  const open: (Set<string> | null)[] = [];
  let isName = false;
  for (let at = 0; at < text.length; at++) {
    const names = open.at(-1);
    switch (text[at]) {
      case '{':
        open.push(new Set());
        isName = true;
        break;
      case '[':
        open.push(null);
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ',':
        isName = names instanceof Set;
        break;
      case '"': {
        const end = endOfText(text, at);
        if (isName && names) {
          // Escapes are undone: `"\u0069ss"` is `"iss"`.
          const name = JSON.parse(text.slice(at, end + 1)) as string;
          if (names.has(name)) return false;
          names.add(name);
        }
        isName = false;
        at = end;
        break;
      }
    }
  }
  return true;
}

/** Where the text that begins at `start` has its closing quote. */
function endOfText(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}
