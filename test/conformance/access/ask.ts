import type { Choice } from './choice.ts';

/** Somebody who asks, as evaluators are told of him. */
export interface Ask {
  /** Empty: without an identity. */
  readonly principal: string;
  /** The pod itself, over loopback: it proves nothing, and has its own principal. */
  readonly isLocal: boolean;
  readonly address: string;
  readonly port: number;
  readonly sni: string;
  /** The rest of it is not seen. */
  readonly octets: boolean;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What may be asked of a pod: few values of each kind, so that most of what policies speak of is asked for. */
export interface AskChoices {
  readonly ports: readonly number[];
  readonly methods: readonly string[];
  readonly paths: readonly string[];
  readonly hosts: readonly string[];
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

/** Asks at random; some without an identity, some whose requests are not seen, few of the pod itself. */
export function randomAsks(choice: Choice, choices: AskChoices): Ask[] {
  return Array.from({ length: ASKS }, () => randomAsk(choice, choices));
}

/** Only TLS that passes through as it is has asked for a name. */
function randomAsk(choice: Choice, { ports, methods, paths, hosts, headers }: AskChoices): Ask {
  const octets = choice.chance(4);
  const isLocal = choice.chance(15);
  return {
    principal: isLocal ? POD.principal : choice.pick('', ...PRINCIPALS),
    isLocal,
    address: choice.pick('10.1.2.3', '10.2.0.1', '192.0.2.7', 'fd00::1'),
    port: choice.pick(...ports),
    sni: octets ? choice.pick('', 'api.example', 'x.api.example') : '',
    octets,
    method: choice.pick(...methods),
    path: choice.pick(...paths),
    host: choice.pick(...hosts),
    headers: Object.fromEntries(
      Object.entries(headers).flatMap(([name, values]) => (choice.chance(2) ? [[name, choice.pick(...values)]] : [])),
    ),
  };
}

/** Whom policies name: service accounts of several namespaces. */
export const PRINCIPALS = [
  'cluster.local/ns/default/sa/web',
  'cluster.local/ns/default/sa/job',
  'cluster.local/ns/team-a/sa/web',
  'cluster.local/ns/team-b/sa/api',
] as const;

/** Networks that have some of the addresses that ask. */
export const NETWORKS = ['10.1.0.0/16', '10.0.0.0/8', '192.0.2.0/24', '10.1.2.3', 'fd00::/8', '0.0.0.0/0'] as const;

/** The pod that is asked. */
export const POD = {
  namespace: 'default',
  name: 'api-1',
  account: 'api',
  labels: { app: 'api', tier: 'back' },
  ip: '10.9.0.1',
  principal: 'cluster.local/ns/default/sa/api',
} as const;

/** The manifest of that pod. */
export function podManifest(
  ports: readonly { readonly name: string; readonly containerPort: number }[],
  annotations: Readonly<Record<string, string>> = {},
): object {
  const { namespace, name, labels, account, ip } = POD;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels, annotations },
    spec: { serviceAccountName: account, containers: ports.map((port) => ({ name: port.name, ports: [port] })) },
    status: { phase: 'Running', podIP: ip },
  };
}

const ASKS = 20;
