/**
 * The first value of a parameter in the query of `path`, percent-decoded with `+` as a space; null: it is not there.
 * Source: https://url.spec.whatwg.org/#urlencoded-parsing
 */
export function queryValue(path: string, name: string): string | null {
  const query = path.indexOf('?');
  if (query < 0) return null;
  return new URLSearchParams(path.slice(query + 1)).get(name);
}
