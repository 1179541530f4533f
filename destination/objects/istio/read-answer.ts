import type { DirectResponse } from '../../../api/filters.ts';
import { authorityFault, pathAndQueryFault, pathFault } from '../../../core/http/head-text.ts';
import type { FieldReader } from '../field-reader.ts';
import type { RuleRedirect } from './virtual-service.ts';

/** Reads `redirect`. Source: VirtualService, "HTTPRedirect". */
export function readRedirect(reader: FieldReader): RuleRedirect {
  reader.allow(['uri', 'authority', 'port', 'derivePort', 'scheme', 'redirectCode', 'prefixRewrite']);
  const uri = reader.optionalText('uri', pathAndQueryFault);
  const prefixRewrite = reader.optionalText('prefixRewrite', pathFault);
  if (uri !== null && prefixRewrite !== null) reader.problem('prefixRewrite', 'excludes uri, which stands beside it');
  const { redirectCode: status = 301 } = reader.fields;
  if (!STATUSES.includes(status)) reader.problem('redirectCode', `is none of ${STATUSES.join(', ')}`);
  const { host, port: authorityPort } = readAuthority(reader);
  const port = readPort(reader) ?? authorityPort;
  const scheme = reader.optionalText('scheme');
  if (scheme !== null && scheme !== 'http' && scheme !== 'https') reader.problem('scheme', 'is neither http nor https');
  if (!PARTS.some((name) => reader.has(name)))
    reader.problem('', 'leads back to where it came from; write uri, prefixRewrite, authority, port or scheme');
  return {
    status: status as number,
    uri,
    prefixRewrite,
    ...(host !== null && { host }),
    ...(port !== null && { port }),
    ...(scheme !== null && { scheme }),
  };
}

function readAuthority(reader: FieldReader): { readonly host: string | null; readonly port: number | null } {
  const [, host = null, digits] = AUTHORITY.exec(reader.optionalText('authority', authorityFault) ?? '') ?? [];
  return { host, port: digits === undefined ? null : Number(digits) };
}

function readPort(reader: FieldReader): RuleRedirect['port'] | null {
  const derived = reader.optionalText('derivePort');
  if (derived === null) return reader.whole('port', 1, 65_535);
  if (reader.has('port')) reader.problem('derivePort', 'excludes port, which stands beside it');
  const port = DERIVED[derived];
  if (!port) reader.problem('derivePort', `is none of ${Object.keys(DERIVED).join(', ')}`);
  return port ?? null;
}

/** Reads `directResponse`. Source: VirtualService, "HTTPDirectResponse". */
export function readResponse(reader: FieldReader): DirectResponse {
  reader.allow(['status', 'body']);
  const status = reader.number('status', { min: 200, max: 599, integer: true }) ?? 503;
  const body = reader.nested('body');
  body?.allow(['string', 'bytes']);
  if (body?.has('string') && body.has('bytes')) body.problem('bytes', 'excludes string, which stands beside it');
  const text = body?.optionalText('string') ?? null;
  const octets = body?.optionalText('bytes') ?? null;
  if (octets !== null && !BASE64.test(octets)) body!.problem('bytes', 'is no base64');
  const encoded = text === null ? (octets ?? '') : Buffer.from(text).toString('base64');
  if (Buffer.byteLength(encoded, 'base64') > MAX_BODY_BYTES) reader.problem('body', 'is longer than 1 MiB');
  return { status, body: encoded };
}

/** What a redirect leads elsewhere by. */
const PARTS = ['uri', 'prefixRewrite', 'authority', 'port', 'derivePort', 'scheme'];
const STATUSES: readonly unknown[] = [301, 302, 303, 307, 308];
const DERIVED: Readonly<Record<string, 'scheme' | 'request'>> = {
  FROM_PROTOCOL_DEFAULT: 'scheme',
  FROM_REQUEST_PORT: 'request',
};
const AUTHORITY = /^(\[[^\]]*\]|[^:]+)(?::(\d{1,5}))?$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const MAX_BODY_BYTES = 1 << 20;
