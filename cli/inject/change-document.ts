import { isDeepStrictEqual } from 'node:util';
import { type Document, isSeq } from 'yaml';

type Path = readonly (string | number)[];

/**
 * Makes a document say `after` where it said `before`, and leaves all else as it is written: comments, order, spelling.
 *
 * Where an alias or a merge stands in the way, that part is written anew.
 */
export function changeDocument(document: Document, path: Path, before: unknown, after: unknown): void {
  try {
    change(document, path, before, after);
  } catch {
    document.setIn(path, document.createNode(after));
  }
}

function change(document: Document, path: Path, before: unknown, after: unknown): void {
  if (isDeepStrictEqual(before, after)) return;
  if (Array.isArray(before) && Array.isArray(after)) return changeList(document, path, before, after);
  if (!isObject(before) || !isObject(after)) return document.setIn(path, document.createNode(after));
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) document.deleteIn([...path, name]);
  for (const [name, value] of Object.entries(after)) {
    if (Object.hasOwn(before, name)) change(document, [...path, name], before[name], value);
    else document.setIn([...path, name], document.createNode(value));
  }
}

/** Entries that stay keep their nodes, in whatever place they are now. */
function changeList(document: Document, path: Path, before: readonly unknown[], after: readonly unknown[]): void {
  const list = document.getIn(path, true);
  if (!isSeq(list) || list.items.length !== before.length) return document.setIn(path, document.createNode(after));
  const old = [...list.items];
  let at = 0;
  list.items = after.map((value) => {
    const same = before.findIndex((each, index) => index >= at && isDeepStrictEqual(each, value));
    if (same < 0) return document.createNode(value);
    at = same + 1;
    return old[same];
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
