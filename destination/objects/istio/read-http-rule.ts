import type { FieldReader } from '../field-reader.ts';
import { readHeaderOperations } from './header-operations.ts';
import { readPercentage } from './percentage.ts';
import { readRedirect, readResponse } from './read-answer.ts';
import { readCors } from './read-cors.ts';
import { readDestination, readDestinations } from './read-destination.ts';
import { readFault } from './read-fault.ts';
import { ANY_REQUEST, readHttpMatch } from './read-http-match.ts';
import { readRetries } from './read-retries.ts';
import { readRewrite } from './read-rewrite.ts';
import type { HttpRule } from './virtual-service.ts';

/** Reads an entry of `http`. Source: VirtualService, "HTTPRoute". */
export function readHttpRule(reader: FieldReader): HttpRule {
  reader.allow(FIELDS);
  for (const [field, others] of EXCLUSIONS) {
    const other = reader.has(field) ? others.find((name) => reader.has(name)) : undefined;
    if (other) reader.problem(field, `excludes ${other}, which stands beside it`);
  }
  const isDelegated = reader.has('delegate');
  const answers = ['route', 'redirect', 'directResponse', 'delegate'];
  if (!answers.some((name) => reader.has(name)))
    reader.problem('', `does nothing with its requests; write one of ${answers.join(', ')}`);
  if (isDelegated) {
    reader.nested('delegate')?.allow(['name', 'namespace']);
    reader.warning('delegate', 'is not followed, and its requests get 503; write the rules of the delegate here');
  }
  const rewrite = reader.nested('rewrite');
  const redirect = reader.nested('redirect');
  const respond = reader.nested('directResponse');
  const headers = readHeaderOperations(reader.nested('headers'));
  const rule = {
    name: reader.optionalText('name') ?? '',
    path: reader.path,
    matches: reader.has('match') ? reader.nestedList('match').map(readHttpMatch) : [],
    destinations: readDestinations(reader, true),
    isDelegated,
    headers,
    rewrite: rewrite && readRewrite(rewrite),
    redirect: redirect && readRedirect(redirect),
    respond: respond && readResponse(respond),
    cors: readOptional(reader, 'corsPolicy', readCors),
    fault: readOptional(reader, 'fault', readFault),
    mirrors: readMirrors(reader),
    timeoutMs: reader.duration('timeout') ?? 0,
    retries: readOptional(reader, 'retries', (fields) => ({ policy: readRetries(fields) })),
  };
  if (rule.rewrite && rule.rewrite.authority !== null && headers.authority !== null)
    reader.problem('headers.request', 'changes Host beside rewrite.authority; write one of them');
  return { ...rule, matches: rule.matches.length > 0 ? rule.matches : [ANY_REQUEST] };
}

function readOptional<T>(reader: FieldReader, name: string, read: (fields: FieldReader) => T): T | null {
  const fields = reader.nested(name);
  return fields && read(fields);
}

function readMirrors(reader: FieldReader): HttpRule['mirrors'] {
  const deprecated = reader.has('mirrorPercent') ? 'mirrorPercent' : 'mirror_percent';
  if (reader.has(deprecated)) reader.warning(deprecated, 'is deprecated; write mirrorPercentage: { value: … }');
  const single = reader.nested('mirror');
  const all = [
    { fields: single, fraction: readPercentage(reader, 'mirrorPercentage', deprecated) ?? 1 },
    ...reader.nestedList('mirrors').map((entry) => {
      entry.allow(['destination', 'percentage']);
      if (!entry.has('destination')) entry.problem('destination', 'is missing');
      return { fields: entry.nested('destination'), fraction: readPercentage(entry, 'percentage', null) ?? 1 };
    }),
  ];
  return all.flatMap(({ fields, fraction }) => {
    const destination = fields && readDestination(fields);
    return destination && fraction > 0 ? [{ destination, fraction }] : [];
  });
}

const FIELDS = [
  ...['name', 'match', 'route', 'redirect', 'directResponse', 'delegate', 'rewrite', 'timeout', 'retries', 'fault'],
  ...['mirror', 'mirrors', 'mirrorPercent', 'mirror_percent', 'mirrorPercentage', 'corsPolicy', 'headers'],
];

const EXCLUSIONS: readonly (readonly [string, readonly string[]])[] = [
  ['redirect', ['route', 'fault', 'rewrite', 'directResponse']],
  ['directResponse', ['route', 'fault', 'rewrite']],
  ['delegate', ['route', 'redirect', 'directResponse']],
  ['mirror', ['mirrors']],
];
