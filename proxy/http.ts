import { CONNECTION_FIELD, UPGRADE_FIELD } from './http1/message.ts';
import { offeredUpgrades } from './http1/upgrade.ts';
import type { Fields, RequestHead as Http2RequestHead, ResponseHead, StreamListener } from './http2/message.ts';

/*
 * HTTP as the layers see it, whichever engine is below: the streams of both have this shape. Its words are HTTP/2's;
 * HTTP/1 spells the same ones for itself, because the engines import nothing.
 */
export type { Fields, ResponseHead, StreamListener };

/** A request before its body, as either engine reads it and as either writes it. */
export interface RequestHead extends Http2RequestHead {
  /** `HTTP/1.1`, `HTTP/1.0`, each with `; absolute-form` where it was; absent or empty: HTTP/2. */
  readonly version?: string;
}

interface HttpStream {
  /** Sends `bytes[start, end)`. @returns octets that left at once; the rest is copied, and told to `onSent` as it leaves */
  sendData(bytes: Uint8Array, start: number, end: number, last: boolean): number;
  sendTrailers(fields: Fields): void;
  reset(code: number): void;
  /** Allows the peer so many octets more. */
  grant(octets: number): void;
}

/** A request that was taken: answers go out here. */
export interface ServerStream extends HttpStream {
  sendResponse(head: ResponseHead, last: boolean): void;
  /**
   * Nobody wants what is missing of the request: its client may stop sending, and need not be listened to, once the answer
   * is whole. What comes until then is still told. Nothing happens where the request is whole.
   */
  refuseRest(): void;
}

/** A request that is made. */
export interface ClientStream extends HttpStream {
  sendRequest(head: RequestHead & { readonly version: string }, last: boolean): void;
}

/** The value of a field by its lower-case name, or null. */
export function fieldValue(fields: Fields, name: string): string | null {
  for (let i = 0; i < fields.length; i += 2) {
    const each = fields[i]!;
    if (each.length === name.length && (each === name || each.toLowerCase() === name)) return fields[i + 1]!;
  }
  return null;
}

/** Names of fields, in lower case: a set, or a rule. */
export interface FieldNames {
  has(lowerName: string): boolean;
}

/** `fields` without those of `names`; the same list when none is there. */
export function withoutFields(fields: Fields, names: FieldNames): Fields {
  for (let i = 0; i < fields.length; i += 2) {
    if (!names.has(fields[i]!.toLowerCase())) continue;
    const kept: string[] = [];
    for (let j = 0; j < fields.length; j += 2)
      if (!names.has(fields[j]!.toLowerCase())) kept.push(fields[j]!, fields[j + 1]!);
    return kept;
  }
  return fields;
}

/** Whether a request is gRPC, in any of its forms (`application/grpc`, `+proto`, `-web`), by its content type alone. */
export function isGrpc(head: RequestHead): boolean {
  return fieldValue(head.fields, 'content-type')?.startsWith('application/grpc') ?? false;
}

/**
 * A request with the upgrade that may be offered on; null: there is none of what it asks for. Over HTTP/2 (extended
 * CONNECT, RFC 8441) there is no request left without it, where HTTP/1 goes on as if nothing had been offered.
 */
export function withOfferedUpgrade(head: RequestHead): RequestHead | null {
  if (head.protocol === '') return head;
  const protocol = offeredUpgrades(head.protocol);
  return protocol === '' ? null : protocol === head.protocol ? head : { ...head, protocol };
}

/** The answer to such a request (RFC 9220 section 3 has 501 for it). */
export function upgradeUnsupported({ protocol }: RequestHead): { reason: 'upgrade_unsupported'; message: string } {
  return { reason: 'upgrade_unsupported', message: `"${protocol}" is not offered on: nobody would see its requests` };
}

/** Whether an answer turns its request into a tunnel, which is over when both sides have ended (RFC 9110 sections 7.8, 9.3.6). */
export function opensTunnel(head: RequestHead, { status }: ResponseHead): boolean {
  return status === 101 || (head.method === 'CONNECT' && status >= 200 && status < 300);
}

/**
 * Names in lower case, for a peer that speaks strict HTTP/2; fields of one connection alone are dropped. The same list
 * when it is so already, as what came by HTTP/2 is.
 */
export function http2Fields(fields: Fields): Fields {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (isOfHop(name) || name !== name.toLowerCase()) return lowerFields(fields);
  }
  return fields;
}

function lowerFields(fields: Fields): Fields {
  const lower: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!.toLowerCase();
    if (!isOfHop(name)) lower.push(name, fields[i + 1]!);
  }
  return lower;
}

function isOfHop(name: string): boolean {
  return name === CONNECTION_FIELD || name === UPGRADE_FIELD;
}
