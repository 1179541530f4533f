import { DST_OVERRIDE_HEADER } from '../../api/proxy-headers.ts';
import { DEFAULT_RETRY_BUDGET, OWN_BACKEND } from '../../api/routing.ts';
import { formatSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import type { Failure } from '../answers.ts';
import { fieldValue, type RequestHead, type ServerStream, type StreamListener, withoutFields } from '../http.ts';
import type { EndpointContext } from './endpoint-client.ts';
import type { NamedTargets } from './named-targets.ts';
import type { OutboundContext } from './outbound-context.ts';
import { Target } from './target.ts';
import { authorityAddress, WaitingRequest } from './waiting-request.ts';

/**
 * Requests of an ingress (`weft.dev/inject: ingress`): it balances over pods itself and dials their addresses, so that
 * the original destination says too little. Each request finds its target by the first of
 *
 * 1. `l5d-dst-override`, `host` or `host:port` (80), which is removed; nothing else will do where it is set
 * 2. the authority, where it is a name that discovery knows as a client of this namespace would write it
 * 3. the original destination
 *
 * Source: https://linkerd.io/2/tasks/using-ingress/, linkerd2-proxy `linkerd/app/outbound/src/ingress.rs`.
 */
export class Ingress {
  readonly #named: NamedTargets;
  readonly #context: OutboundContext;
  readonly #endpointContext: EndpointContext;

  constructor(named: NamedTargets, context: OutboundContext, endpointContext: EndpointContext) {
    this.#named = named;
    this.#context = context;
    this.#endpointContext = endpointContext;
  }

  /** Takes a request of a connection that was going to `original`. */
  request(stream: ServerStream, head: RequestHead, end: boolean, original: Target, client: string): StreamListener {
    const override = fieldValue(head.fields, DST_OVERRIDE_HEADER);
    if (override !== null) return this.#overridden(stream, head, end, override, client);
    const address = authorityAddress(head.authority);
    return this.#named.request(stream, head, end, { address, original, client });
  }

  /** A target for an address that discovery does not know: spoken to as it is, in the clear. */
  stranger({ host, port }: SocketAddress): Target {
    const key = formatSocketAddress(host, port);
    const endpoint = { uid: key, address: host, port, tls: null, protocol: 'detect', labels: STRANGER } as const;
    const backends = { [OWN_BACKEND]: { service: host, port, endpoints: [endpoint] } };
    const description = { name: host, kind: 'pod', port, protocol: 'detect', labels: STRANGER, routes: [] } as const;
    return new Target(key, { ...description, retryBudget: DEFAULT_RETRY_BUDGET, backends }, this.#endpointContext);
  }

  #overridden(stream: ServerStream, head: RequestHead, end: boolean, override: string, client: string): StreamListener {
    const rest = { ...head, fields: withoutFields(head.fields, TARGET_CHOICE) };
    const waiting = new WaitingRequest(stream, rest, end, this.#context, client);
    const address = authorityAddress(override);
    if (!address) {
      const message = `${DST_OVERRIDE_HEADER}: "${override}" is no host:port`;
      return waiting.refuse({ reason: 'target_invalid', message });
    }
    const message = `${DST_OVERRIDE_HEADER}: destination knows no target ${override}`;
    return waiting.follow(this.#named.find(address), { reason: 'target_unknown', message } satisfies Failure);
  }
}

/** Strangers are counted together: anybody may have the ingress go to any address. */
const STRANGER = {
  authority: 'unknown',
  dst: 'unknown',
  backend: 'unknown',
  target_addr: 'unknown',
  target_ip: 'unknown',
  target_port: 'unknown',
} as const;

const TARGET_CHOICE = new Set([DST_OVERRIDE_HEADER]);
