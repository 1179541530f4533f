import { isAuthority } from './authority.ts';
import type { Head, HeadFault } from './head-reader.ts';
import { CONNECTION_FIELD, type RequestHead } from './message.ts';

/** The request that a head means, or why it is refused (RFC 9112 section 3.2, RFC 9110 section 7.2). */
export function requestOf(head: Head): RequestHead | HeadFault {
  const { method, target, minor } = head;
  let version = minor === 1 ? 'HTTP/1.1' : 'HTTP/1.0';
  let authority = head.host ?? '';
  let path = target;
  let scheme = 'http';
  if (method === 'CONNECT') {
    if (!/^.+:\d+$/.test(target) || !isAuthority(target)) return 'target_invalid';
    authority = target;
    path = '';
  } else if (target.charCodeAt(0) !== SLASH && !(target === '*' && method === 'OPTIONS')) {
    const match = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/([^/?#]+)(\/[^#]*|\?[^#]*)?$/.exec(target);
    if (!match || !isAuthority(match[2]!)) return 'target_invalid';
    scheme = match[1]!.toLowerCase();
    authority = match[2]!;
    path = match[3] ?? (method === 'OPTIONS' ? '*' : '/');
    if (path.charCodeAt(0) === QUESTION) path = `/${path}`;
    version += '; absolute-form';
  }
  if (head.host === null && minor === 1) return 'host_missing';
  if (target.includes('#')) return 'target_invalid';
  const fields = head.close ? [...head.fields, CONNECTION_FIELD, 'close'] : head.fields;
  return { method, scheme, authority, path, protocol: head.upgrade, fields, version };
}

const SLASH = 47;
const QUESTION = 63;
