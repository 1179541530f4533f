import type { Kind } from './request.ts';

/** Where the applications listen. */
export const HTTP_PORT = 8080;
export const GRPC_PORT = 9090;
export const OCTETS_PORT = 7000;

/** Endpoints of each Service, and the pods that send the load. */
const REPLICAS = 3;
const CLIENTS = 2;

/** A Service of the mesh. */
export interface Target {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly targetPort: number;
  readonly kinds: readonly Kind[];
  readonly pods: readonly string[];
}

/** Services, with addresses of their own so that no load waits for DNS. */
export const TARGETS: readonly Target[] = [
  { name: 'web', address: '10.96.1.1', port: 80, targetPort: HTTP_PORT, kinds: ['get', 'post'] as const },
  { name: 'calls', address: '10.96.1.2', port: 80, targetPort: GRPC_PORT, kinds: ['unary', 'stream'] as const },
  { name: 'talk', address: '10.96.1.3', port: 7000, targetPort: OCTETS_PORT, kinds: ['octets'] as const },
].map((target) => ({ ...target, pods: podsOf(target.name, REPLICAS) }));

/** Pods that send the load. */
export const CLIENT_PODS: readonly string[] = podsOf('load', CLIENTS);

/** Every pod, in the order in which `weft run` numbers them. */
export const PODS: readonly string[] = [...TARGETS.flatMap(({ pods }) => pods), ...CLIENT_PODS];

/** The Service that requests of a kind go to. */
export function targetOf(kind: Kind): Target {
  return TARGETS.find(({ kinds }) => kinds.includes(kind))!;
}

/** Files that are broken, deleted and brought back, with the Service whose routes they hold; null: Services and Deployments. */
export const MANIFESTS = { 'web-routes.yaml': 'web', 'calls-routes.yaml': 'calls', 'mesh.yaml': null } as const;
export type Manifest = keyof typeof MANIFESTS;

/** What the folder of the mesh holds. @param programs absolute path of this folder @param work folder of the clients' ledgers */
export function manifests(programs: string, work: string, seed: number, rate: number): Record<Manifest, string> {
  return {
    'mesh.yaml': [
      ...TARGETS.flatMap((target) => [
        serviceText(target),
        deploymentText(target.name, REPLICAS, [`${programs}/application.ts`], target.targetPort),
      ]),
      deploymentText('load', CLIENTS, [`${programs}/client.ts`, work, String(seed), String(rate / CLIENTS)]),
    ].join('---\n'),
    'web-routes.yaml': WEB_ROUTES,
    'calls-routes.yaml': CALLS_ROUTES,
  };
}

/** A GET is tried again; what may do something twice is not. */
const WEB_ROUTES = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: default }
spec:
  hosts: [web]
  http:
    - name: read
      match: [{ method: { exact: GET } }]
      timeout: 15s
      retries:
        attempts: 3
        perTryTimeout: 2s
        retryOn: 5xx,reset,connect-failure
      route: [{ destination: { host: web } }]
    - name: write
      timeout: 15s
      route: [{ destination: { host: web } }]
`;

const CALLS_ROUTES = `apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: { name: calls.default.svc.cluster.local, namespace: default }
spec:
  routes:
    - name: unary
      condition: { method: POST, pathRegex: /chaos\\.Echo/unary }
      isRetryable: true
      timeout: 15s
    - name: stream
      condition: { method: POST, pathRegex: /chaos\\.Echo/stream }
      timeout: 15s
`;

function serviceText({ name, address, port, targetPort }: Target): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default }
spec:
  clusterIP: ${address}
  selector: { app: ${name} }
  ports: [{ name: port, port: ${port}, targetPort: ${targetPort} }]
`;
}

function deploymentText(name: string, replicas: number, words: readonly string[], port?: number): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: default }
spec:
  replicas: ${replicas}
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      serviceAccountName: ${name}
      containers:
        - name: application
          command: [node, ${words.map((word) => JSON.stringify(word)).join(', ')}]
          ports: [${port === undefined ? '' : `{ containerPort: ${port} }`}]
`;
}

function podsOf(deployment: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${deployment}-${i}`);
}
