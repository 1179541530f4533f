import { DST_CANONICAL_HEADER, ORIG_PROTO_HEADER, UPGRADE_METHOD_HEADER } from '../../api/proxy-headers.ts';
import { type Fields, http2Fields, type RequestHead, type ResponseHead } from '../http.ts';
import { fieldsOfApplication, fieldsOfEndpoint } from '../mesh-fields.ts';
import type { EndpointClient } from './endpoint-client.ts';
import type { Target } from './target.ts';

/** A request's head as an endpoint's protocol wants it; the same for a head that came before, as shared heads do. */
export function endpointHead(
  client: EndpointClient,
  head: RequestHead,
  target: Target,
): RequestHead & { version: string } {
  if (head === client.lastHead && client.lastRewritten) return client.lastRewritten;
  const rewritten = rewrite(client, head, target);
  client.lastHead = head;
  client.lastRewritten = rewritten;
  return rewritten;
}

/** Fields of a request or its trailers as an endpoint wants them. */
export function endpointFields(client: EndpointClient, version: string, fields: Fields): Fields {
  const keepsCase = client.tls ? client.keepsCase : !client.upgrades;
  return version !== '' && keepsCase ? fields : http2Fields(fields);
}

/** An answer's head without what only proxies may say, where the endpoint has none. The same where nothing changes. */
export function answerOf({ hasWeftProxy }: EndpointClient, head: ResponseHead): ResponseHead {
  const fields = fieldsOfEndpoint(head.fields, hasWeftProxy);
  return fields === head.fields ? head : { status: head.status, fields };
}

function rewrite(client: EndpointClient, head: RequestHead, target: Target): RequestHead & { version: string } {
  const version = head.version ?? '';
  const fields = endpointFields(client, version, fieldsOfApplication(head.fields));
  const canonical =
    target.description.kind === 'service'
      ? [DST_CANONICAL_HEADER, `${target.description.name}:${target.description.port}`]
      : [];
  if (!client.tls) {
    const sent = client.isLoopback ? [...fields, ...canonical] : fields;
    if (version === '' || !client.upgrades) return { ...head, version, fields: sent };
    return { ...head, scheme: head.scheme || 'http', version: '', fields: sent };
  }
  const method = head.protocol !== '' && head.method !== 'GET' ? [UPGRADE_METHOD_HEADER, head.method] : [];
  return {
    method: head.method,
    // Between proxies the scheme is the application's; an absolute form is told by the header.
    scheme: head.scheme === '' ? 'http' : head.scheme,
    authority: head.authority,
    path: head.path,
    protocol: head.protocol,
    version: '',
    fields:
      version === '' ? [...fields, ...canonical] : [...fields, ORIG_PROTO_HEADER, version, ...method, ...canonical],
  };
}
