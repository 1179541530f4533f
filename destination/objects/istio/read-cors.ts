import type { Cors } from '../../../api/filters.ts';
import type { StringMatch } from '../../../api/string-match.ts';
import { tokenFault } from '../../../core/http/head-text.ts';
import type { FieldReader } from '../field-reader.ts';
import { readStringMatch } from './string-match.ts';

/** Reads `corsPolicy`. Source: VirtualService, "CorsPolicy". */
export function readCors(reader: FieldReader): Cors {
  reader.allow([
    ...['allowOrigins', 'allowOrigin', 'allowMethods', 'allowHeaders', 'exposeHeaders', 'maxAge'],
    ...['allowCredentials', 'unmatchedPreflights'],
  ]);
  const methods = reader.texts('allowMethods');
  for (const [at, method] of methods.entries())
    if (!METHODS.includes(method)) reader.problem(`allowMethods[${at}]`, `is none of ${METHODS.join(', ')}`);
  const maxAgeMs = reader.duration('maxAge');
  if (maxAgeMs !== null && maxAgeMs % 1000 !== 0) reader.problem('maxAge', 'is no whole number of seconds');
  const unmatched = reader.optionalText('unmatchedPreflights') ?? 'UNSPECIFIED';
  if (!['UNSPECIFIED', 'FORWARD', 'IGNORE'].includes(unmatched))
    reader.problem('unmatchedPreflights', 'is neither FORWARD nor IGNORE');
  const lowerCase = (name: string) => reader.texts(name, tokenFault).map((text) => text.toLowerCase());
  return {
    origins: readOrigins(reader),
    methods,
    requestHeaders: lowerCase('allowHeaders'),
    exposedHeaders: lowerCase('exposeHeaders'),
    maxAge: maxAgeMs === null ? null : maxAgeMs / 1000,
    hasCredentials: reader.flag('allowCredentials'),
    forwardsUnmatched: unmatched !== 'IGNORE',
  };
}

function readOrigins(reader: FieldReader): StringMatch[] {
  const origins = reader.nestedList('allowOrigins').flatMap((entry) => {
    const match = readStringMatch(entry);
    return match === 'present' ? ANY_ORIGIN : (match ?? []);
  });
  // The deprecated list counts where the newer one is not there.
  const exact = reader.texts('allowOrigin').map((origin) => (origin === '*' ? ANY_ORIGIN : { exact: origin }));
  return reader.has('allowOrigins') ? origins : exact;
}

const ANY_ORIGIN: StringMatch = { prefix: '' };
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', '*'];
