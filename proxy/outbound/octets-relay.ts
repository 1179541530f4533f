import type { Socket } from 'node:net';

import { NO_HASH } from '../balance/balancer.ts';
import type { Connections } from '../connections.ts';
import type { TcpSeries } from '../telemetry/metrics.ts';
import { serverNameOf } from '../transport/client-hello.ts';
import { ConnectError } from '../transport/dialer.ts';
import { IdleTimer, MAX_TIMER_MS } from '../transport/idle-timer.ts';
import { peek } from '../transport/peek.ts';
import { type RelayListener, relay } from '../transport/tcp-relay.ts';
import { resetConnection } from '../transport/tcp-reset.ts';
import { BLAME } from './blame.ts';
import type { EndpointClient } from './endpoint-client.ts';
import type { NamedTargets } from './named-targets.ts';
import { Target } from './target.ts';

/** What connections of octets need. */
export interface OctetsRelayOptions {
  /** Finds the host that a client's TLS names, where targets are told apart by it. */
  readonly named: Pick<NamedTargets, 'find'>;
  readonly connections: Connections;
  /** How long a silent client is waited for where the name that it asks for makes a difference. */
  readonly silenceMs: number;
}

/** A connection to an endpoint. */
export interface Upstream {
  readonly socket: Socket;
  readonly client: EndpointClient;
}

/** Connections of the application that are no HTTP: each goes to one endpoint of its target, and stays there. */
export class OctetsRelay {
  readonly #options: OctetsRelayOptions;
  readonly #fromApplication: TcpSeries;

  /** @param fromApplication counts what comes from the application, and goes to it */
  constructor(options: OctetsRelayOptions, fromApplication: TcpSeries) {
    this.#options = options;
    this.#fromApplication = fromApplication;
  }

  /**
   * Opens a connection to an endpoint of a target and joins it. Throws where there is none to be had: a {@link ConnectError}.
   *
   * @param ended what the client had said before it ended its direction; null: it goes on
   */
  async relay(socket: Socket, target: Target, ended: Buffer | null = null): Promise<void> {
    const sni = ended ? '' : await this.#serverName(socket, target);
    const { byHost, port } = target.description;
    const found = byHost && sni !== '' ? await this.#options.named.find({ host: sni, port }) : null;
    const named = found instanceof Target ? found : target;
    this.join(socket, await this.open(named, sni), named, ended);
  }

  /** The name that a TLS client asks for, where it makes a difference; else empty. */
  async #serverName(socket: Socket, target: Target): Promise<string> {
    if (!target.looksAtServerName) return '';
    const peeked = await peek(socket, serverNameOf, this.#options.silenceMs);
    return peeked.outcome === 'decided' ? peeked.value : '';
  }

  /** Connects to an endpoint, to another one when that fails. Throws a {@link ConnectError}. */
  async open(target: Target, sni = ''): Promise<Upstream> {
    const tried: EndpointClient[] = [];
    const backend = target.connectionBackend(sni);
    for (let attempt = 1; ; attempt++) {
      const client = backend.pick(performance.now(), NO_HASH, tried.length > 0 ? tried : null);
      if (!client) throw new ConnectError('connect_failed', `${backend.description.service} has no endpoint`);
      try {
        return { socket: await client.open(), client };
      } catch (error) {
        if (attempt >= RELAY_ATTEMPTS || BLAME[(error as ConnectError).reason] === 'request') throw error;
        tried.push(client);
      }
    }
  }

  /** Carries octets both ways until both sides have ended, or one has failed. */
  join(socket: Socket, { socket: upstream, client }: Upstream, target: Target, ended: Buffer | null = null): void {
    target.active++;
    client.load.inFlight++;
    const remove = this.#options.connections.add({ shutdown() {}, destroy: () => socket.destroy() });
    const { idleTimeoutMs = 0, maxConnectionMs = 0 } = client.share.limits;
    // What has come is not to look whole to either side.
    const endInTheMiddle = () => resetConnection(socket);
    const idle = idleTimeoutMs > 0 ? new IdleTimer(Math.min(idleTimeoutMs, MAX_TIMER_MS), endInTheMiddle) : null;
    const life =
      maxConnectionMs > 0 ? setTimeout(endInTheMiddle, Math.min(maxConnectionMs, MAX_TIMER_MS)).unref() : null;
    idle?.rest();
    let hasSpoken = false;
    upstream.once('close', (hadError) => {
      if (hadError && !hasSpoken) client.onEarlyDeath();
    });
    const listener: RelayListener = {
      onOctets: (fromA, fromB) => {
        if (fromB > 0 && !hasSpoken) {
          hasSpoken = true;
          client.onAnswer();
        }
        this.#fromApplication.octets(fromA, fromB);
        client.countOctets(fromB, fromA);
        idle?.rest();
      },
      onEnd: () => {
        idle?.stop();
        if (life) clearTimeout(life);
        remove();
        target.active--;
        client.load.inFlight--;
      },
    };
    // What its own application says harms nobody here: the receiving side watches it.
    relay(socket, upstream, listener, { ended, watch: null });
  }
}

const RELAY_ATTEMPTS = 3;
