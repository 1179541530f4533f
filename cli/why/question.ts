import type { RequestView } from '../../proxy/routing/predicate.ts';
import { UsageError } from '../command.ts';
import { parseWorkload, WORKLOAD_FORMS, type Workload } from '../state/workload.ts';

/** A request that somebody asks about, and where it is to go. */
export interface Question {
  readonly request: RequestView;
  /** Host of the URL, in lower case, without its port. */
  readonly host: string;
  readonly port: number;
  /** Who sends it; without a kind a client without labels. */
  readonly from: Workload | { readonly namespace: string; readonly kind: null };
}

/**
 * Reads a request as a command line has it.
 *
 * @param headers `name: value`
 * @throws UsageError
 */
export function parseQuestion(
  method: string,
  url: string,
  headers: readonly string[],
  from: string,
  namespace: string,
): Question {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) throw new UsageError(`"${method}" is no method such as GET`);
  const whole = url.includes('://') ? url : `http://${url}`;
  const parsed = URL.canParse(whole) ? new URL(whole) : null;
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol) || parsed.hostname === '')
    throw new UsageError(`"${url}" is no URL such as http://api.default:8080/users`);
  const fields = headers.flatMap((header) => {
    const at = header.indexOf(':');
    if (at <= 0) throw new UsageError(`-H "${header}" is no header such as "x-user: 1"`);
    return [header.slice(0, at).trim().toLowerCase(), header.slice(at + 1).trim()];
  });
  const host = fields.findIndex((field, i) => i % 2 === 0 && field === 'host');
  const authority = host < 0 ? parsed.host : fields[host + 1]!;
  if (host >= 0) fields.splice(host, 2);
  // The URL's own path, since a parser takes `..` out of it.
  const path = /^[^:]+:\/\/[^/?#]*([^#]*)/.exec(whole)![1]!;
  const scheme = parsed.protocol.slice(0, -1);
  return {
    request: {
      method: method.toUpperCase(),
      path: path.startsWith('/') ? path : `/${path}`,
      authority,
      scheme,
      fields,
    },
    host: parsed.hostname.replace(/^\[|\]$/g, '').toLowerCase(),
    port: parsed.port === '' ? (scheme === 'https' ? 443 : 80) : Number(parsed.port),
    from: parseSender(from, namespace),
  };
}

function parseSender(text: string, namespace: string): Question['from'] {
  if (text === '') return { namespace, kind: null };
  const [, ofNamespace] = /^ns\/([^/]+)$/.exec(text) ?? [];
  if (ofNamespace) return { namespace: ofNamespace, kind: null };
  const workload = parseWorkload(text, namespace);
  if (!workload) throw new UsageError(`--from ${text}: write ${WORKLOAD_FORMS}, or ns/NAME`);
  return workload;
}
