import { nullIfNotFound } from '../../core/kubernetes/api-error.ts';
import { listPages } from '../../core/kubernetes/list-pages.ts';
import type { Check, ClusterApi } from './check.ts';

/** What must be so before an installation and after it. */
export const CLUSTER_CHECKS: readonly Check[] = [
  {
    id: 'kubernetes-api',
    description: 'the Kubernetes API answers',
    hint: 'set KUBECONFIG, or run inside a pod',
    isFatal: true,
    run: async (api) => void (await api.get('/version')),
  },
  {
    id: 'kubernetes-version',
    description: 'Kubernetes is 1.29 or newer, which has native sidecars',
    hint: 'older clusters get the proxy as an ordinary container: Jobs do not complete by themselves there',
    async run(api) {
      const { major, minor } = (await api.get('/version')) as unknown as { major: string; minor: string };
      if (Number(major) === 1 && Number.parseInt(minor, 10) < 29) throw new Error(`the cluster is ${major}.${minor}`);
    },
  },
];

/** The object at a path, or null where there is none. @throws ApiError */
export async function getOrNull<T>(api: ClusterApi, path: string): Promise<T | null> {
  return (await api.get(path).catch(nullIfNotFound)) as T | null;
}

/** Names of the mutating webhooks of the cluster. */
export async function registeredInjectors(api: ClusterApi): Promise<string[]> {
  const names: string[] = [];
  for await (const { metadata } of listPages(
    api,
    '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
  ))
    names.push(metadata.name);
  return names;
}
