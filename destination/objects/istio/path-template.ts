/**
 * Paths of an AuthorizationPolicy with operators: `{*}` stands for one segment that is not empty, `{**}` for any rest, the
 * last operator of a path. Source: AuthorizationPolicy, "Operation", paths; Envoy's URI template match.
 */

/** What is wrong with a path that may be a template; null: nothing, or it is none. */
export function pathTemplateFault(path: string): string | null {
  if (!isPathTemplate(path)) return null;
  if (!path.startsWith('/')) return `"${path}" does not begin with "/", as paths with operators do`;
  const segments = path.slice(1).split('/');
  const rest = segments.indexOf(ANY_REST);
  if (rest >= 0 && segments.slice(rest + 1).some((segment) => segment === ANY_REST || segment === ONE_SEGMENT))
    return `"${path}" has an operator after {**}, which is the last one`;
  for (const segment of segments)
    if (segment !== ONE_SEGMENT && segment !== ANY_REST && /[{}*]/.test(segment))
      return `"${path}" has "${segment}", and an operator is a segment by itself: {*} or {**}`;
  return null;
}

/** Whether a path has an operator. */
export function isPathTemplate(path: string): boolean {
  return path.includes('{*}') || path.includes('{**}');
}

/** A template as a regular expression of RE2 syntax, for the whole path. */
export function pathTemplateRegex(template: string): string {
  const segments = template.slice(1).split('/');
  return segments
    .map((segment) => `/${segment === ONE_SEGMENT ? '[^/]+' : segment === ANY_REST ? '(?s:.*)' : quoted(segment)}`)
    .join('');
}

/** A text as a regular expression that takes it alone. */
export function quoted(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');
}

const ONE_SEGMENT = '{*}';
const ANY_REST = '{**}';
