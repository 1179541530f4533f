/** Values by prefix: finds those of all prefixes of a text in one walk along it. */
export class PrefixTree<T> {
  readonly #root: Node<T> = { text: '', value: null, children: new Map() };
  /** Values of the prefixes of a text, the shortest first; as many as {@link match} said, valid until its next call. */
  readonly hits: T[] = [];

  /** The value of a prefix, made where there is none. */
  at(prefix: string, make: () => T): T {
    let node = this.#root;
    for (let at = 0; at < prefix.length; ) {
      const child = node.children.get(prefix.charCodeAt(at));
      const text = prefix.slice(at);
      if (!child) {
        const leaf: Node<T> = { text, value: null, children: new Map() };
        node.children.set(text.charCodeAt(0), leaf);
        node = leaf;
        break;
      }
      const common = commonLength(child.text, text);
      if (common < child.text.length) divide(child, common);
      at += common;
      node = child;
    }
    node.value ??= make();
    return node.value;
  }

  /** @returns how many prefixes the text has */
  match(text: string): number {
    let count = 0;
    let node = this.#root;
    let at = 0;
    while (true) {
      if (node.value !== null) this.hits[count++] = node.value;
      const child = at < text.length ? node.children.get(text.charCodeAt(at)) : undefined;
      if (!child || !text.startsWith(child.text, at)) return count;
      at += child.text.length;
      node = child;
    }
  }
}

interface Node<T> {
  /** What leads here from the node before. */
  text: string;
  value: T | null;
  /** Key: first character of the child's text. */
  children: Map<number, Node<T>>;
}

/** Puts a node between a node and what came before it. */
function divide<T>(node: Node<T>, length: number): void {
  const rest: Node<T> = { text: node.text.slice(length), value: node.value, children: node.children };
  node.text = node.text.slice(0, length);
  node.value = null;
  node.children = new Map([[rest.text.charCodeAt(0), rest]]);
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}
