/** Drives the pods of test/fixtures/own-service, which call their own Service. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

const here = dirname(fileURLToPath(import.meta.url));
/** The application of the pods. */
export const TWIN = join(here, '../fixtures/own-service/application.mjs');
export const twinProgram = (): string => readFileSync(TWIN, 'utf8');

export type Kind = 'http' | 'grpc' | 'tcp';
const PORTS: Readonly<Record<Kind, number>> = { http: 8080, grpc: 8081, tcp: 9000 };
const KINDS = Object.keys(PORTS) as Kind[];

/** A name, or an address; a name without a family is resolved to either. */
export interface Place {
  readonly host: string;
  readonly family?: 4 | 6;
}

interface Calls {
  readonly made: number;
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
  /** Answers of each pod, by kind and host. */
  readonly answered: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** What became of a kept connection and those that followed it; times are of the pod's clock, in milliseconds. */
export interface Kept {
  readonly kind: Kind;
  /** One is kept now; else another is being opened. */
  readonly isOpen: boolean;
  readonly opened: number;
  readonly ended: number;
  readonly served: number;
  readonly failed: number;
  readonly lastServedMs: number;
  readonly lastEndedMs: number;
  readonly lastError: string;
}

async function tell<T>(pod: string, path: string, body: object): Promise<T> {
  const host = pod.includes(':') ? `[${pod}]` : pod;
  const answer = await fetch(`http://${host}:8090${path}`, { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok)
    throw new Error(`${host}:8090${path}: ${answer.status} ${answer.headers.get('weft-proxy-error') ?? ''}`);
  return (await answer.json()) as T;
}

/**
 * Has each pod call every place over every protocol, `total` times in all. A Service must be answered by both pods, a pod's
 * address by that pod.
 *
 * @param pods name and addresses
 * @param services places that lead to both
 */
export async function callOwnService(
  t: Test,
  pods: readonly { readonly name: string; readonly ips: readonly string[] }[],
  services: readonly Place[],
  total: number,
): Promise<void> {
  const places = [...services, ...pods.flatMap(({ ips }) => ips.map((host) => ({ host })))];
  const count = Math.ceil(total / (pods.length * KINDS.length * places.length));
  const calls = places.flatMap((place) => KINDS.map((kind) => ({ ...place, kind, port: PORTS[kind], count })));
  for (const { name, ips } of pods) {
    const { made, failed, failures, answered } = await tell<Calls>(ips[0]!, '/calls', { calls });
    t.comment(`${name}: ${made} calls, ${failed} failed`);
    t.equal(made, count * calls.length);
    t.same(failures, {}, `${name}: no call fails`);
    for (const kind of KINDS) {
      for (const { host } of services)
        t.equal(Object.keys(answered[`${kind} ${host}`] ?? {}).length, 2, `${name}: both pods answer ${kind} ${host}`);
      for (const pod of pods)
        for (const ip of pod.ips)
          t.same(Object.keys(answered[`${kind} ${ip}`] ?? {}), [pod.name], `${name}: ${kind} ${ip} is ${pod.name}`);
    }
  }
}

/** Has a pod keep connections to a place, one of each kind. */
export async function keepConnections(pod: string, host: string): Promise<void> {
  for (const kind of KINDS) await tell(pod, '/keep', { kind, host, port: PORTS[kind] });
}

export async function keptConnections(pod: string): Promise<readonly Kept[]> {
  return (await tell<{ kept: readonly Kept[] }>(pod, '/kept', {})).kept;
}

/** Each connection that was kept has been served again since, or was ended. @param then what had become of them before */
export function allServedOrEnded(t: Test, then: readonly Kept[], now: readonly Kept[], when: string): void {
  for (const [i, { kind, served, ended }] of now.entries()) {
    const before = then[i]!;
    const isAnswered = !before.isOpen || served > before.served || ended > before.ended;
    t.ok(isAnswered, `${when}: ${kind} is served again, or was ended`);
  }
}

/** Connections that the proxy of a pod has opened to endpoints. */
export async function openedToEndpoints(pod: string): Promise<number> {
  const text = await (await fetch(`http://${pod}:4191/metrics`)).text();
  return [...text.matchAll(/^tcp_open_total\{direction="outbound".*peer="dst".*\} (\d+)$/gm)].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );
}
