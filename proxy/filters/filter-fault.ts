import type { Filters, HeaderChange, PathRewrite } from '../../api/filters.ts';
import {
  authorityFault,
  fieldValueFault,
  headerNameFault,
  pathAndQueryFault,
  pathFault,
  pathPartFault,
  tokenFault,
} from '../../core/http/head-text.ts';

/**
 * Why what discovery says of a route cannot be built into a head; null: it can. Whoever translates manifests has looked at
 * the same; here it is looked at again, so that nothing that is sent to a proxy can end a head early.
 */
export function filtersFault({ requestHeaders, responseHeaders, rewrite, redirect, cors }: Filters): string | null {
  return first([
    changeFault(requestHeaders),
    changeFault(responseHeaders),
    rewrite?.authority === undefined ? null : authorityFault(rewrite.authority),
    rewriteFault(rewrite?.path, pathFault),
    redirect?.host === undefined ? null : authorityFault(redirect.host),
    redirect?.scheme === undefined ? null : tokenFault(redirect.scheme),
    rewriteFault(redirect?.path, pathAndQueryFault),
    ...[...(cors?.methods ?? []), ...(cors?.requestHeaders ?? []), ...(cors?.exposedHeaders ?? [])].map(tokenFault),
  ]);
}

function changeFault({ set = [], add = [], remove = [] }: HeaderChange = {}): string | null {
  const values = [...set, ...add].flatMap(({ value }) => value).filter((piece) => typeof piece === 'string');
  const names = [...[...set, ...add].map(({ name }) => name), ...remove];
  return first([...names.map(headerNameFault), ...values.map(fieldValueFault)]);
}

function rewriteFault(
  { full, prefix, regex }: PathRewrite = {},
  faultOf: (text: string) => string | null,
): string | null {
  if (full !== undefined) return faultOf(full);
  if (prefix) return prefix.replacement === '' ? null : pathFault(prefix.replacement);
  return regex ? pathPartFault(regex.substitution.replaceAll('\\', '')) : null;
}

function first(faults: readonly (string | null)[]): string | null {
  return faults.find((fault) => fault !== null) ?? null;
}
