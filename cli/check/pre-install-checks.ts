import { CAPTURE_ANNOTATION, CONTROL_NAMESPACE } from '../../api/names.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import { listPages } from '../../core/kubernetes/list-pages.ts';
import { policyCrds } from '../../manifests/policy-crds.ts';
import { installation } from '../../manifests/render.ts';
import { serviceProfileCrd } from '../../manifests/service-profile-crd.ts';
import { DEFAULT_INSTALL_SETTINGS, type Manifest } from '../../manifests/settings.ts';
import { webhookConfigurations } from '../../webhook/configuration.ts';
import { foreignInjectors } from '../../webhook/inject/foreign-injectors.ts';
import type { NamespaceFacts } from '../../webhook/inject/namespace-facts.ts';
import { asks, wishOf } from '../../webhook/inject/wish.ts';
import { installedObjects } from '../state/installed-kinds.ts';
import { predictCapture } from './capture.ts';
import { type Check, CheckFailure, type ClusterApi } from './check.ts';
import { CLUSTER_CHECKS, getOrNull, registeredInjectors } from './cluster-checks.ts';

/** What must be so before Weft is installed. None of them changes anything. */
export const PRE_INSTALL_CHECKS: readonly Check[] = [
  ...CLUSTER_CHECKS,
  {
    id: 'may-create',
    description: 'you may create what weft install prints',
    hint: 'install as an administrator of the cluster, for instance with the ClusterRole cluster-admin',
    async run(api) {
      const refused: string[] = [];
      for (const attributes of neededRights()) {
        const review = await api.create('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: attributes },
        });
        if (review.status?.allowed !== true) refused.push(attributes.resource);
      }
      if (refused.length > 0) throw new Error(`you may not create ${refused.join(', ')}`);
    },
  },
  {
    id: 'leftovers',
    description: 'no earlier installation has left anything behind',
    hint: `weft install | kubectl apply -f - updates what is there; weft uninstall | kubectl delete -f - takes it away`,
    isAdvice: true,
    async run(api) {
      const found: string[] = [];
      for await (const { kind, metadata } of installedObjects(api))
        found.push(`${kind} ${metadata.name} (${metadata.labels?.[VERSION_LABEL] ?? 'of an unknown version'})`);
      if (found.length > 0) throw new Error(found.join(', '));
    },
  },
  {
    id: 'crds',
    description: 'custom resource definitions (CRDs) that others own fit and stay as they are',
    hint: 'ServiceProfile has to be served as v1alpha2: update the mesh that owns it',
    async run(api) {
      const { metadata, spec } = serviceProfileCrd() as Manifest & { spec: { versions: { name: string }[] } };
      const path = apiPath`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${metadata.name}`;
      const there = await getOrNull<{ spec: { versions: { name: string; served: boolean }[] } }>(api, path);
      if (!there) return [`${metadata.name} is absent: weft install --crds | kubectl apply -f - adds it`];
      const wanted = spec.versions.at(-1)!.name;
      if (!there.spec.versions.some(({ name, served }) => name === wanted && served))
        throw new Error(`${metadata.name} is there and does not serve ${wanted}`);
      const notes = [`${metadata.name} is there and is left as it is`];
      for (const { metadata } of policyCrds()) {
        const isThere = await getOrNull(
          api,
          apiPath`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${metadata.name}`,
        );
        if (!isThere) notes.push(`${metadata.name} is absent, and may be: weft install --crds adds it too`);
      }
      return notes;
    },
  },
  {
    id: 'other-meshes',
    description: 'no other mesh injects pods by labels that Weft follows too',
    hint: 'two meshes can live side by side, each with its own labels: install with the switch that is named',
    isAdvice: true,
    async run(api) {
      const foreign = foreignInjectors(await registeredInjectors(api));
      const found = (['istio', 'linkerd'] as const).filter((mesh) => foreign[mesh]);
      if (found.length === 0) return undefined;
      const rest = ['weft', 'istio', 'linkerd'].filter((name) => !(found as string[]).includes(name));
      throw new Error(
        `${found.join(' and ')} injects pods in this cluster: weft install --label-families ${rest.join(',')}`,
      );
    },
  },
  {
    id: 'capture',
    description: 'every namespace that asks for injection admits the container that redirects traffic',
    hint: `kubectl annotate namespace NAMESPACE ${CAPTURE_ANNOTATION}=none: applications then use the proxy explicitly (HTTP_PROXY)`,
    isAdvice: true,
    async run(api) {
      const notes: string[] = [];
      const wrong: string[] = [];
      for (const namespace of await injectedNamespaces(api)) {
        const { level, admitsInit, forbidden, asked } = predictCapture(namespace);
        const means = asked === 'none' || !admitsInit ? 'none' : 'init';
        notes.push(`${namespace.name}: ${level}, capture ${means}`);
        if (!admitsInit && asked !== 'none')
          wrong.push(`${namespace.name} is ${level}, which forbids ${forbidden.join(', ')}: it needs capture none`);
      }
      if (wrong.length > 0) throw new CheckFailure(wrong.join('; '), notes);
      return notes;
    },
  },
];

interface ResourceAttributes {
  readonly group: string;
  readonly resource: string;
  readonly verb: 'create';
  readonly namespace?: string;
}

/** One entry for each kind that is installed, and each namespace that it goes to. */
function neededRights(): ResourceAttributes[] {
  const objects = [
    ...installation(DEFAULT_INSTALL_SETTINGS, webhookConfigurations(DEFAULT_INSTALL_SETTINGS)),
    serviceProfileCrd(),
  ] as Manifest[];
  const rights = objects.map(({ apiVersion, kind, metadata: { namespace } }): ResourceAttributes => {
    const group = apiVersion.includes('/') ? apiVersion.split('/')[0]! : '';
    return { group, resource: pluralOf(kind), verb: 'create', ...(namespace && { namespace }) };
  });
  return [...new Map(rights.map((each) => [JSON.stringify(each), each])).values()];
}

/** Of the kinds that are installed, as Kubernetes spells it. */
function pluralOf(kind: string): string {
  return kind.toLowerCase().replace(/y$/, 'ie').concat('s');
}

async function injectedNamespaces(api: ClusterApi): Promise<NamespaceFacts[]> {
  const foreign = foreignInjectors(await registeredInjectors(api));
  const families = { istio: !foreign.istio, linkerd: !foreign.linkerd };
  const found: NamespaceFacts[] = [];
  for await (const { metadata } of listPages(api, '/api/v1/namespaces')) {
    const { name, labels = {}, annotations = {} } = metadata;
    const namespace: NamespaceFacts = { name, labels, annotations };
    if (name !== CONTROL_NAMESPACE && asks(wishOf(null, namespace, families))) found.push(namespace);
  }
  return found;
}

const VERSION_LABEL = 'app.kubernetes.io/version';
