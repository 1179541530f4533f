import {
  CLIENT_ID_HEADER,
  DST_CANONICAL_HEADER,
  FORWARDED_CLIENT_CERT_HEADER,
  ORIG_PROTO_HEADER,
  UPGRADE_METHOD_HEADER,
} from '../../api/proxy-headers.ts';
import type { SocketAddress } from '../../core/config/socket-address.ts';
import { normalTarget } from '../access/path-readings.ts';
import { type Fields, fieldValue, http2Fields, type RequestHead, withOfferedUpgrade } from '../http.ts';
import { fieldsOfClient } from '../mesh-fields.ts';
import type { Client } from '../routing/inbound-policy.ts';
import { serviceNamed } from '../routing/port-routes.ts';
import { isProbe, type ProbePaths } from '../routing/probe.ts';
import type { CompiledRoute } from '../routing/route-table.ts';
import { type Caller, type Callers, type CallerWay, isWay } from '../telemetry/callers.ts';
import type { Metrics, ResponseSeries } from '../telemetry/metrics.ts';
import type { Counter } from '../telemetry/registry.ts';
import { forwardedClientCert } from './forwarded-client.ts';
import type { InboundPorts, PortRules, PortVerdict } from './ports.ts';

/** What reading needs of the proxy. */
export interface ReadingContext {
  readonly ports: InboundPorts;
  readonly metrics: Pick<Metrics, 'authzAllow' | 'authzDeny'>;
  /** Own SPIFFE URI, for `x-forwarded-client-cert`. */
  readonly spiffe: string;
  readonly clusterDomain: string;
  readonly probePaths: ProbePaths;
  readonly callers: Callers;
}

/** What follows from a request's head and the port's rules. Heads that the engine shares are read once. */
export interface Reading {
  readonly head: RequestHead;
  readonly rules: PortRules;
  /** The head as it was asked, with its tokens; the same object as `sent` but for what the application does not get. */
  readonly asked: RequestHead;
  /** The head as the application gets it. */
  readonly sent: RequestHead & { version: string };
  /** It is no upgrade, or one that may be offered on. */
  readonly isOffered: boolean;
  readonly route: CompiledRoute;
  readonly series: ResponseSeries;
  /** When tokens of it were looked at, and until when that holds, milliseconds since 1970. */
  readonly readAtMs: number;
  readonly validUntilMs: number;
  /** What the policies of the port say of it. */
  readonly verdict: PortVerdict;
  /** Counts the verdict. */
  readonly judged: Counter;
  /** A probe, which policies let by. */
  readonly isProbe: boolean;
  /** Whose request it is. */
  readonly caller: Caller;
}

/** Whether what was read of a head still holds. */
export function isCurrent(reading: Reading | null, head: RequestHead, rules: PortRules): reading is Reading {
  if (reading?.head !== head || reading.rules !== rules) return false;
  return reading.validUntilMs === Number.POSITIVE_INFINITY || Date.now() < reading.validUntilMs;
}

/** Reads a head, of a client's connection to `destination`. @param last of the connection, whose caller it mostly is */
export function readHead(
  head: RequestHead,
  rules: PortRules,
  {
    client,
    destination,
    last,
  }: { readonly client: Client; readonly destination: SocketAddress; readonly last: Reading | null },
  { ports, metrics, clusterDomain, spiffe, probePaths, callers }: ReadingContext,
): Reading {
  const asked = client.identity === '' ? head : restoreVersion(head);
  const offered = withOfferedUpgrade(asked);
  const whole = normalised(offered ?? asked, ports.looksAtRequests(destination.port));
  const readAtMs = Date.now();
  const authentication = ports.tokens.of(whole, readAtMs);
  const restored = authentication ? { ...whole, path: authentication.path, fields: authentication.fields } : whole;
  const service = serviceOf(restored, client, clusterDomain);
  const route = rules.route(service, restored);
  // What the application is told is judged: a stranger cannot say what only the mesh may.
  const fields = requestFields(restored, client, spiffe);
  const { port } = destination;
  const verdict = ports.judgeRequest(port, client, { ...restored, fields }, authentication);
  const sent = { ...restored, version: restored.version ?? '', fields };
  const probe = isProbe(probePaths, port, sent);
  const way: CallerWay = { port, carried: 'http', method: restored.method, route: route.route.name, isProbe: probe };
  return {
    head,
    rules,
    asked: whole,
    sent,
    isOffered: offered !== null,
    route,
    series: ports.routeSeries(rules.counted(service), destination.port, route.route.name),
    readAtMs,
    validUntilMs: authentication?.validUntilMs ?? Number.POSITIVE_INFINITY,
    verdict,
    judged: counterOf(verdict, client, metrics),
    isProbe: probe,
    caller: last !== null && isWay(last.caller, way) ? last.caller : callers.find(client, way),
  };
}

/** With its path in normal form, where policies look at it; a path that has none stays, and is refused. */
function normalised(head: RequestHead, isLookedAt: boolean): RequestHead {
  const path = isLookedAt ? normalTarget(head.path) : head.path;
  return path === null || path === head.path ? head : { ...head, path };
}

/** A request's fields as the application gets them: who the client is is said by us alone. */
function requestFields(head: RequestHead, client: Client, spiffe: string): Fields {
  const kept = fieldsOfClient(head.fields, client.identity);
  const fields = head.version ? kept : http2Fields(kept);
  if (client.identity === '') return fields;
  return [
    ...fields,
    CLIENT_ID_HEADER,
    client.identity,
    FORWARDED_CLIENT_CERT_HEADER,
    forwardedClientCert(spiffe, client),
  ];
}

/** The counter of requests that were let in, or refused, by what decided it. */
export function counterOf(
  { isRefused, labels }: PortVerdict,
  client: Client,
  metrics: ReadingContext['metrics'],
): Counter {
  const { authzAllow, authzDeny } = metrics;
  return (isRefused ? authzDeny : authzAllow).with({ ...labels, tls: client.identity ? 'true' : 'no_identity' });
}

/** A request that was HTTP/1 before our peer carried it in HTTP/2 becomes HTTP/1 again. */
function restoreVersion(head: RequestHead): RequestHead {
  if (head.version) return head;
  const version = fieldValue(head.fields, ORIG_PROTO_HEADER);
  if (version === null || !/^HTTP\/1\.[01](; absolute-form)?$/.test(version)) return head;
  const method = head.protocol === '' ? null : fieldValue(head.fields, UPGRADE_METHOD_HEADER);
  return {
    ...head,
    version,
    method: method !== null && /^(?!CONNECT$)[A-Z]{1,20}$/.test(method) ? method : head.method,
  };
}

/** FQDN of the Service that a request is for: named by the client's proxy, which may be our own, else by its authority. */
function serviceOf(head: RequestHead, { identity, isLocal }: Client, clusterDomain: string): string {
  const canonical = identity !== '' || isLocal ? fieldValue(head.fields, DST_CANONICAL_HEADER) : null;
  return serviceNamed(canonical ?? head.authority, clusterDomain);
}
