import type { Protocol } from '../../api/routing.ts';

/** How connections are carried: request by request by the engine alone, as octets, or as what is read of them says. */
export type Carriage = 'http' | 'octets' | 'detect';

/** What a port speaks, and whether anything holds for its requests. */
export interface HttpRules {
  readonly protocol: Protocol;
  readonly hasRoutes: boolean;
  readonly hasRateLimit: boolean;
}

/** Nothing holds for the requests of a connection that leaves the pod: its own application asks, and nobody is protected. */
export function outgoing(protocol: Protocol): HttpRules {
  return { protocol, hasRoutes: false, hasRateLimit: false };
}

/**
 * How the connections of a port are carried: the one place that decides it, for every way in and out.
 *
 * - Declared octets (`opaque`, `tls`) are octets, whatever rules there are for requests.
 * - Declared HTTP of any kind, or a port with routes or limits, is HTTP of either version: the engine alone serves it and
 *   refuses what it does not take. What a client says may not choose to be governed by nothing.
 * - Any other port is what is read there: see `Detector`.
 */
export function carriageOf({ protocol, hasRoutes, hasRateLimit }: HttpRules): Carriage {
  if (protocol === 'opaque' || protocol === 'tls') return 'octets';
  return protocol === 'detect' && !hasRoutes && !hasRateLimit ? 'detect' : 'http';
}

/**
 * Whether TLS that is not for the proxy passes through to the application. A port whose HTTP is declared, or limited, has
 * none that nobody sees. Routes alone do not forbid it: they are a Service's, which may have a port of TLS beside that of
 * HTTP, and a server of HTTP cannot read TLS.
 */
export function passesTls(rules: HttpRules): boolean {
  return carriageOf(rules) !== 'http' || (rules.protocol === 'detect' && !rules.hasRateLimit);
}
