import { RE2JS } from 're2js';

import type { PathRewrite } from '../../api/filters.ts';

/** Compiles a rewrite of the path of a request; the query stays. @throws when the pattern is not of RE2 syntax */
export function compilePathRewrite(rewrite: PathRewrite): (path: string) => string {
  const change = compileChange(rewrite);
  return (path) => {
    const query = path.indexOf('?');
    const changed = absolute(query < 0 ? change(path) : change(path.slice(0, query)));
    // A redirect may bring a query of its own.
    return query < 0 || changed.includes('?') ? changed : changed + path.slice(query);
  };
}

function compileChange({ full, prefix, regex }: PathRewrite): (path: string) => string {
  if (full !== undefined) return () => full;
  if (prefix) {
    const { strip, replacement, isSegments } = prefix;
    if (!isSegments) return (path) => replacement + path.slice(strip.length);
    const stem = withoutSlash(strip);
    // Gateway API, HTTPPathModifier: `/foo/bar` with `/foo` for `/` is `/bar`, and never empty.
    return (path) => withoutSlash(replacement) + path.slice(stem.length) || '/';
  }
  if (!regex) return (path) => path;
  const pattern = RE2JS.compile(regex.pattern);
  const { substitution } = regex;
  const substitute = (...groups: readonly unknown[]) =>
    substitution.replaceAll(/\\(\d)/g, (_, group) => String(groups[Number(group)] ?? ''));
  return (path) => pattern.matcher(path).replaceAll(substitute);
}

/** What a pattern or a prefix leaves of a path begins with a slash, as every path does; CONNECT and `*` have none to rewrite. */
function absolute(path: string): string {
  return path.startsWith('/') || path === '' || path === '*' ? path : `/${path}`;
}

function withoutSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text;
}
