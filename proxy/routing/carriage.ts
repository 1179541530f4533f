import type { Protocol } from '../../api/routing.ts';

/** How the connections of an application are carried: request by request, as octets, or as their first octets say. */
export type Carriage = 'http1' | 'http2' | 'octets' | 'detect';

/** How connections to a target that speaks `protocol` are carried. */
export function carriageOf(protocol: Protocol): Carriage {
  switch (protocol) {
    case 'http1':
      return 'http1';
    case 'http2':
    case 'grpc':
      return 'http2';
    case 'opaque':
    case 'tls':
      return 'octets';
    default:
      return 'detect';
  }
}

/** What a port speaks, and whether anything holds for its requests. */
export interface HttpRules {
  readonly protocol: Protocol;
  readonly hasRoutes: boolean;
  readonly hasRateLimit: boolean;
}

/**
 * Whether octets that a client calls opaque are looked at again: that is only its claim, and a port with HTTP rules would
 * be open to whoever makes it. What turns out to be HTTP is governed as such, what does not is refused. A port that is
 * declared to carry octets has no HTTP that rules could hold for.
 */
export function isLookedAtAgain({ protocol, hasRoutes, hasRateLimit }: HttpRules): boolean {
  return (hasRoutes || hasRateLimit) && carriageOf(protocol) !== 'octets';
}
