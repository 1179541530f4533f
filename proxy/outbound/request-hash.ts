import { randomUUID } from 'node:crypto';

import type { ConsistentHash } from '../../api/traffic-policy.ts';
import { parseSocketAddress } from '../../core/config/socket-address.ts';
import { hashOf } from '../balance/hash-table.ts';
import { fieldValue, type RequestHead } from '../http.ts';
import { octetsOf, queryValue } from '../routing/request-parts.ts';

/** A cookie that the proxy sets, so that the client's next request goes where this one went. */
export interface StickyCookie {
  /** Value of `Set-Cookie`. */
  readonly header: string;
}

/** A key's hash, and the cookie that was made for want of one. */
export interface RequestHash {
  readonly hash: number;
  readonly cookie: StickyCookie | null;
}

/** The hash of what keeps requests together; null: the request has no such key. @param client `host:port` */
export function requestHash({ key }: ConsistentHash, head: RequestHead, client: string): RequestHash | null {
  if ('header' in key) return hashed(fieldValue(head.fields, key.header));
  if ('query' in key) return hashed(queryValue(head.path, octetsOf(key.query)));
  if ('source' in key) return hashed(parseSocketAddress(client)?.host ?? null);
  const found = cookieValue(head, key.cookie);
  if (found !== null || key.ttlMs === null) return hashed(found);
  const value = randomUUID();
  const age = key.ttlMs > 0 ? `; Max-Age=${Math.ceil(key.ttlMs / 1000)}` : '';
  const path = key.path === '' ? '' : `; Path=${key.path}`;
  const attributes = (key.attributes ?? []).map((attribute) => `; ${attribute}`).join('');
  return { hash: hashOf(value), cookie: { header: `${key.cookie}=${value}${path}${age}; HttpOnly${attributes}` } };
}

function hashed(value: string | null): RequestHash | null {
  return value === null ? null : { hash: hashOf(value), cookie: null };
}

/** A cookie's value (RFC 6265 4.2.1), also where HTTP/2 has split the field (RFC 9113 8.2.3). */
function cookieValue({ fields }: RequestHead, name: string): string | null {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]!.toLowerCase() !== 'cookie') continue;
    for (const pair of fields[i + 1]!.split(';')) {
      const at = pair.indexOf('=');
      if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
    }
  }
  return null;
}
