import { readFile, stat } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';

/** Where an API server is and what a request shows it. */
export interface Credentials {
  /** `https://host:port`, optionally with a path prefix; without a slash at the end. */
  readonly server: string;
  /**
   * Options of the next request: `ca`, `cert`, `key`, `servername`, and the `authorization` header. Called for each
   * request, because tokens are replaced while a program runs.
   */
  options(): Promise<RequestOptions>;
}

/**
 * Credentials of this process: the kubeconfig that `KUBECONFIG` names, else the pod's own service account, else
 * `~/.kube/config`.
 *
 * The pod's own account needs three facts only, so it does without the client library, which costs 83 MiB of memory.
 *
 * @throws Error where none of the three is there or the kubeconfig cannot be read
 */
export async function findCredentials(variables: Readonly<Record<string, string | undefined>>): Promise<Credentials> {
  if (!variables.KUBECONFIG && variables.KUBERNETES_SERVICE_HOST) {
    return podCredentials(variables.KUBERNETES_SERVICE_HOST, variables.KUBERNETES_SERVICE_PORT ?? '443');
  }
  return kubeconfigCredentials();
}

/** Source: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
async function podCredentials(host: string, port: string): Promise<Credentials> {
  const ca = await readFile(`${SERVICE_ACCOUNT_DIRECTORY}/ca.crt`);
  let token = '';
  let readAt = Number.NEGATIVE_INFINITY;
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async options() {
      if (performance.now() - readAt > TOKEN_REREAD_MS) {
        token = (await readFile(`${SERVICE_ACCOUNT_DIRECTORY}/token`, 'utf8')).trim();
        readAt = performance.now();
      }
      return { ca, headers: { authorization: `Bearer ${token}` } };
    },
  };
}

async function kubeconfigCredentials(): Promise<Credentials> {
  const { KubeConfig } = await import('@kubernetes/client-node').catch((error: Error) => {
    throw new Error('the programs of the image read no kubeconfig: in a pod they use its service account', {
      cause: error,
    });
  });
  const config = new KubeConfig();
  config.loadFromDefault();
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error('the kubeconfig has no current context with a cluster');
  if (cluster.caFile) await stat(cluster.caFile);
  return {
    server: cluster.server.replace(/\/+$/, ''),
    async options() {
      const options: RequestOptions = { headers: {} };
      await config.applyToHTTPSOptions(options);
      // The library makes an agent a call, which would open a connection a request; only a proxy needs one.
      if (!cluster.proxyUrl) delete options.agent;
      return options;
    },
  };
}

const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The kubelet replaces a projected token well before it expires; client-go reads it again every minute too. */
const TOKEN_REREAD_MS = 60_000;
