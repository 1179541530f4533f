import type { X509Certificate } from 'node:crypto';

import {
  CONTROL_NAMESPACE,
  CONTROL_NAMESPACE_LABEL,
  DESTINATION_SERVICE_ACCOUNT,
  IDENTITY_SERVICE_ACCOUNT,
  INJECT,
  ISSUER_SECRET,
  PROXY_UID,
  TRUST_ROOTS_CONFIG_MAP,
  TRUST_ROOTS_KEY,
  WEBHOOK_SERVICE_ACCOUNT,
} from '../../api/names.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import { labelSelector, listPages } from '../../core/kubernetes/list-pages.ts';
import { isNearItsEnd } from '../../core/pki/authority.ts';
import { certificateText, secretFiles } from '../../core/pki/issuer-files.ts';
import { certificatesIn } from '../../core/pki/pem.ts';
import { foreignSidecarOf } from '../../webhook/inject/decision.ts';
import { askedTwice, foreignInjectors } from '../../webhook/inject/foreign-injectors.ts';
import type { NamespaceFacts } from '../../webhook/inject/namespace-facts.ts';
import { readPodTemplate } from '../../webhook/inject/pod-template.ts';
import { containerOfProxyUser } from '../../webhook/inject/proxy-user.ts';
import { asks, wishOf } from '../../webhook/inject/wish.ts';
import { someOf } from '../some-of.ts';
import type { Check } from './check.ts';
import { CLUSTER_CHECKS, registeredInjectors } from './cluster-checks.ts';

/** What must be so where Weft is installed. */
export const INSTALLED_CHECKS: readonly Check[] = [
  ...CLUSTER_CHECKS,
  {
    id: 'crds',
    description: 'the custom resource definition (CRD) of ServiceProfile is there',
    hint: 'weft install --crds | kubectl apply -f -',
    run: async (api) =>
      void (await api.get('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/serviceprofiles.linkerd.io')),
  },
  ...[IDENTITY_SERVICE_ACCOUNT, DESTINATION_SERVICE_ACCOUNT, WEBHOOK_SERVICE_ACCOUNT].map(
    (name): Check => ({
      id: `${name}-ready`,
      description: `${name} is ready`,
      hint: `kubectl -n ${CONTROL_NAMESPACE} describe deployment ${name}; weft install | kubectl apply -f -`,
      async run(api) {
        const { status } = (await api.get(
          apiPath`/apis/apps/v1/namespaces/${CONTROL_NAMESPACE}/deployments/${name}`,
        )) as {
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
    hint: 'weft identity rotate replaces them while everything runs',
    async run(api) {
      const { data } = (await api.get(
        apiPath`/api/v1/namespaces/${CONTROL_NAMESPACE}/configmaps/${TRUST_ROOTS_CONFIG_MAP}`,
      )) as { data?: Record<string, string> };
      const roots = certificatesIn(data?.[TRUST_ROOTS_KEY] ?? '');
      if (roots.length === 0) throw new Error(`ConfigMap ${TRUST_ROOTS_CONFIG_MAP} holds no certificate`);
      for (const root of roots) refuseOld(root);
    },
  },
  {
    id: 'issuer',
    description: 'the issuer is valid and has more than a fifth of its life left',
    hint: 'weft identity rotate replaces it while everything runs; cert-manager renews its own',
    isAdvice: true,
    async run(api) {
      const { data } = (await api.get(apiPath`/api/v1/namespaces/${CONTROL_NAMESPACE}/secrets/${ISSUER_SECRET}`)) as {
        data?: Record<string, string>;
      };
      const [issuer] = certificatesIn(certificateText(secretFiles(data)));
      if (!issuer) throw new Error(`Secret ${ISSUER_SECRET} holds no certificate`);
      refuseOld(issuer);
    },
  },
  {
    id: 'webhook',
    description: 'the injector is registered and has its certificate',
    hint: `kubectl -n ${CONTROL_NAMESPACE} logs deployment/${WEBHOOK_SERVICE_ACCOUNT}`,
    async run(api) {
      const { webhooks } = (await api.get(
        '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/weft-injector',
      )) as { webhooks?: { name: string; clientConfig: { caBundle?: string } }[] };
      const without = (webhooks ?? []).filter(({ clientConfig }) => !clientConfig.caBundle);
      if (!webhooks?.length) throw new Error('weft-injector has no entries');
      if (without.length > 0) throw new Error(`${without.map(({ name }) => name).join(', ')}: no caBundle yet`);
    },
  },
  {
    id: 'proxy-user',
    description: `no application runs as user ${PROXY_UID}, whose traffic bypasses the proxy`,
    hint: 'give the container another runAsUser; the user that an image names itself cannot be seen from here',
    async run(api) {
      const found: string[] = [];
      for await (const object of listPages(api, '/api/v1/pods', labelSelector(CONTROL_NAMESPACE_LABEL))) {
        const pod = readPodTemplate(object);
        const container = typeof pod === 'string' ? undefined : containerOfProxyUser(pod.spec);
        if (container) found.push(`${object.metadata.namespace}/${object.metadata.name} container ${container.name}`);
      }
      if (found.length > 0) throw new Error(found.join(', '));
    },
  },
  {
    id: 'two-proxies',
    description: 'no pod bears the proxies of two meshes, which would redirect the same connections',
    hint: `take the other mesh's label or annotation away, or say ${INJECT}: disabled, and restart the workload`,
    async run(api) {
      const found: string[] = [];
      for await (const object of listPages(api, '/api/v1/pods', labelSelector(CONTROL_NAMESPACE_LABEL))) {
        const pod = readPodTemplate(object);
        const container = typeof pod === 'string' ? null : foreignSidecarOf(pod);
        if (container !== null) found.push(`${object.metadata.namespace}/${object.metadata.name} ${container}`);
      }
      if (found.length > 0) throw new Error(someOf(found, 5));
    },
  },
  {
    id: 'two-injectors',
    description: 'no namespace and no pod asks two meshes for a proxy',
    hint: `a pod bears one proxy: take the other mesh's label or annotation away, or say ${INJECT}: disabled`,
    isAdvice: true,
    async run(api) {
      const injectors = foreignInjectors(await registeredInjectors(api));
      if (!injectors.istio && !injectors.linkerd) return undefined;
      const families = { istio: !injectors.istio, linkerd: !injectors.linkerd };
      const found = new Map<string, readonly string[]>();
      const namespaces = new Map<string, NamespaceFacts>();
      for await (const { metadata } of listPages(api, '/api/v1/namespaces')) {
        const { name, labels = {}, annotations = {} } = metadata;
        namespaces.set(name, { name, labels, annotations });
        const isOurs = asks(wishOf(null, namespaces.get(name)!, families));
        found.set(name, isOurs ? askedTwice(null, namespaces.get(name)!, injectors) : []);
      }
      for await (const { metadata } of listPages(api, '/api/v1/pods', labelSelector(CONTROL_NAMESPACE_LABEL))) {
        const namespace = namespaces.get(metadata.namespace);
        // Of a pod of such a namespace it is told already.
        if (!namespace || found.get(namespace.name)!.length > 0) continue;
        found.set(`${namespace.name}/${metadata.name}`, askedTwice(metadata, namespace, injectors));
      }
      const said = [...found].flatMap(([name, sentences]) => sentences.map((each) => `${name}: ${each}`));
      if (said.length > 0) throw new Error(someOf(said, 5));
      return undefined;
    },
  },
];

/** @throws Error for an authority of which less than a fifth of its life is left */
function refuseOld(authority: X509Certificate): void {
  if (!isNearItsEnd(authority, Date.now())) return;
  const { subject, validToDate } = authority;
  throw new Error(`${subject.replaceAll('\n', ', ')} expires on ${validToDate.toISOString()}`);
}
