import { MESH_HEADERS, type Speaker } from '../api/mesh-words.ts';
import { type FieldNames, type Fields, withoutFields } from './http.ts';
import { isForbiddenTrailer } from './http1/trailer.ts';

/*
 * What only the mesh may say in a message is told by one table, `MESH_HEADERS`; here it is removed from what others say.
 *
 * A server that makes variables of fields (CGI, RFC 3875 section 4.1.18; WSGI, Rack, PHP) hears `l5d_client_id` as
 * `l5d-client-id`, so names with underscores are what they would be heard as. Trailers say nothing of all that.
 */
const FROM_APPLICATION = removedFrom('application');
const FROM_PEER = removedFrom('client');
const FROM_OUTSIDER: ReadonlySet<string> = new Set([...FROM_PEER, ...removedFrom('outsider')]);
const FROM_SERVER = removedFrom('server');
const FROM_ENDPOINT = removedFrom('endpoint');
const FROM_STRANGER = removedFrom('stranger');
const OF_MESH: ReadonlySet<string> = new Set(MESH_HEADERS.map(({ name }) => name));
/** Said by the engine, which frames a message and names its host; only the twins come as far as here. */
const FRAMING = new Set(['content-length', 'transfer-encoding', 'host', 'connection', 'upgrade', 'te', 'trailer']);

const FROM_PEER_OR_TWIN: FieldNames = { has: (name) => FROM_PEER.has(name) || isTwin(name) };
const FROM_OUTSIDER_OR_TWIN: FieldNames = { has: (name) => FROM_OUTSIDER.has(name) || isTwin(name) };
const NOT_IN_TRAILERS: FieldNames = { has: (name) => isForbiddenTrailer(name) || OF_MESH.has(name) || isTwin(name) };

/** A request's fields without what its client's proxy alone says. The same list where there is nothing of it. */
export function fieldsOfApplication(fields: Fields): Fields {
  return withoutFields(fields, FROM_APPLICATION);
}

/**
 * A request's fields without what a server hears from its proxy alone, twins included. The same list where there is nothing
 * of it.
 *
 * @param identity of the client; empty: it has none, and says nothing that an application that passes fields on would say to
 *   its own proxy by that
 */
export function fieldsOfClient(fields: Fields, identity: string): Fields {
  return withoutFields(fields, identity === '' ? FROM_OUTSIDER_OR_TWIN : FROM_PEER_OR_TWIN);
}

/** An answer's fields without what its server's proxy alone says. The same list where there is nothing of it. */
export function fieldsOfServer(fields: Fields): Fields {
  return withoutFields(fields, FROM_SERVER);
}

/**
 * An answer's fields as they come from an endpoint, without what is said to its client's proxy alone. The same list where
 * there is nothing of it.
 *
 * @param hasWeftProxy a proxy of ours has answered, which alone may say that it made the answer
 */
export function fieldsOfEndpoint(fields: Fields, hasWeftProxy: boolean): Fields {
  return withoutFields(fields, hasWeftProxy ? FROM_ENDPOINT : FROM_STRANGER);
}

/**
 * Trailers, of a request or an answer, without what must not stand there: fields that frame or route a message, say how to
 * read it, or prove who sent it (RFC 9110 section 6.5.1), and the mesh's own. The same list where there is nothing of it.
 */
export function trailersOf(fields: Fields): Fields {
  return withoutFields(fields, NOT_IN_TRAILERS);
}

function removedFrom(speaker: Speaker): ReadonlySet<string> {
  return new Set(MESH_HEADERS.filter((header) => header.removedFrom.includes(speaker)).map(({ name }) => name));
}

function isTwin(name: string): boolean {
  if (!name.includes('_')) return false;
  const heard = name.replaceAll('_', '-');
  return OF_MESH.has(heard) || FRAMING.has(heard);
}
