import { X509Certificate } from 'node:crypto';
import { parseArgs } from 'node:util';

import {
  CONTROL_NAMESPACE,
  DESTINATION_SERVICE_ACCOUNT,
  IDENTITY_SERVICE_ACCOUNT,
  TRUST_ROOTS_CONFIG_MAP,
  TRUST_ROOTS_KEY,
  WEBHOOK_SERVICE_ACCOUNT,
} from '../../api/names.ts';
import { errorMessage } from '../../core/errors/weft-error.ts';
import { ApiClient } from '../../core/kubernetes/api-client.ts';
import type { Command } from '../command.ts';

/** One thing that is checked. It throws with what is wrong. */
interface Check {
  readonly id: string;
  readonly description: string;
  /** What to do when it fails. */
  readonly hint: string;
  /** A failure ends the checks: the rest would fail too. */
  readonly isFatal: boolean;
  run(api: ApiClient): Promise<void>;
}

interface Result {
  readonly id: string;
  readonly description: string;
  readonly result: 'success' | 'error';
  readonly error?: string;
  readonly hint?: string;
}

const CHECKS: readonly Check[] = [
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
    isFatal: false,
    async run(api) {
      const { major, minor } = (await api.get('/version')) as unknown as { major: string; minor: string };
      if (Number(major) === 1 && Number.parseInt(minor, 10) < 29) throw new Error(`the cluster is ${major}.${minor}`);
    },
  },
  {
    id: 'crds',
    description: 'the definition of ServiceProfile is there',
    hint: 'weft install --crds | kubectl apply -f -',
    isFatal: false,
    run: async (api) =>
      void (await api.get('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/serviceprofiles.linkerd.io')),
  },
  ...[IDENTITY_SERVICE_ACCOUNT, DESTINATION_SERVICE_ACCOUNT, WEBHOOK_SERVICE_ACCOUNT].map(
    (name): Check => ({
      id: `${name}-ready`,
      description: `${name} is ready`,
      hint: `kubectl -n ${CONTROL_NAMESPACE} describe deployment ${name}; weft install | kubectl apply -f -`,
      isFatal: false,
      async run(api) {
        const { status } = (await api.get(`/apis/apps/v1/namespaces/${CONTROL_NAMESPACE}/deployments/${name}`)) as {
          status?: { readyReplicas?: number; replicas?: number };
        };
        if (!status?.readyReplicas || status.readyReplicas < (status.replicas ?? 1))
          throw new Error(`${status?.readyReplicas ?? 0} of ${status?.replicas ?? 0} replicas are ready`);
      },
    }),
  ),
  {
    id: 'trust-roots',
    description: 'the trust roots are valid and have more than a fifth of their life left',
    hint: 'weft identity create-ca makes new ones',
    isFatal: false,
    async run(api) {
      const { data } = (await api.get(
        `/api/v1/namespaces/${CONTROL_NAMESPACE}/configmaps/${TRUST_ROOTS_CONFIG_MAP}`,
      )) as { data?: Record<string, string> };
      const roots =
        (data?.[TRUST_ROOTS_KEY] ?? '').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
      if (roots.length === 0) throw new Error(`ConfigMap ${TRUST_ROOTS_CONFIG_MAP} holds no certificate`);
      for (const pem of roots) {
        const { validFromDate, validToDate, subject } = new X509Certificate(pem);
        const left = (validToDate.getTime() - Date.now()) / (validToDate.getTime() - validFromDate.getTime());
        if (left < 0.2) throw new Error(`${subject.replaceAll('\n', ', ')} expires on ${validToDate.toISOString()}`);
      }
    },
  },
  {
    id: 'webhook',
    description: 'the injector is registered and has its certificate',
    hint: `kubectl -n ${CONTROL_NAMESPACE} logs deployment/${WEBHOOK_SERVICE_ACCOUNT}`,
    isFatal: false,
    async run(api) {
      const { webhooks } = (await api.get(
        '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/weft-injector',
      )) as { webhooks?: { name: string; clientConfig: { caBundle?: string } }[] };
      const without = (webhooks ?? []).filter(({ clientConfig }) => !clientConfig.caBundle);
      if (!webhooks?.length) throw new Error('weft-injector has no entries');
      if (without.length > 0) throw new Error(`${without.map(({ name }) => name).join(', ')}: no caBundle yet`);
    },
  },
];

/** `weft check`. */
export const check: Command = {
  name: 'check',
  summary: 'check that the control plane is there and works',
  help: `usage: weft check [-o json]

Looks at the cluster of KUBECONFIG. Exit code 0: everything is well; 1: something is not.

${checkList()}
`,
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: { output: { type: 'string', short: 'o', default: 'table' } },
    });
    const results: Result[] = [];
    const show = (result: Result) => {
      results.push(result);
      if (values.output === 'json') return;
      process.stdout.write(`${result.result === 'success' ? '√' : '×'} ${result.description}\n`);
      if (result.error !== undefined) process.stdout.write(`    ${result.error}\n    hint: ${result.hint}\n`);
    };
    let api: ApiClient | null = null;
    for (const { id, description, hint, isFatal, run } of CHECKS) {
      try {
        api ??= await ApiClient.fromCluster();
        await run(api);
        show({ id, description, result: 'success' });
      } catch (error) {
        show({ id, description, result: 'error', error: errorMessage(error), hint });
        if (isFatal) break;
      }
    }
    const failed = results.filter(({ result }) => result === 'error').length;
    if (values.output === 'json')
      process.stdout.write(`${JSON.stringify({ success: failed === 0, checks: results }, null, 2)}\n`);
    else
      process.stdout.write(
        failed === 0 ? '\nStatus check results are √\n' : `\n${failed} of ${results.length} checks failed\n`,
      );
    return failed === 0 ? 0 : 1;
  },
};

function checkList(): string {
  return CHECKS.map(({ id, description }) => `  ${id.padEnd(26)}${description}`).join('\n');
}
