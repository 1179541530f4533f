import { ISSUANCE_LIFETIME_MS } from '../../api/identity-environment.ts';
import type { Kind } from '../../core/config/environment.ts';
import { COUNT, durationBetween, oneOf } from '../../core/config/setting-kinds.ts';
import { ApiClient } from '../../core/kubernetes/api-client.ts';
import { ApiError } from '../../core/kubernetes/api-error.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import { policyCrds } from '../../manifests/policy-crds.ts';
import { installation, toText } from '../../manifests/render.ts';
import { serviceProfileCrd } from '../../manifests/service-profile-crd.ts';
import { DEFAULT_INSTALL_SETTINGS, type InstallSettings, type Manifest } from '../../manifests/settings.ts';
import { webhookConfigurations } from '../../webhook/configuration.ts';
import { type Command, UsageError } from '../command.ts';
import { readArguments, readValue } from '../command-line.ts';
import { DOMAIN, IMAGE } from '../value-kinds.ts';

/** `weft install`. */
export const install: Command = {
  name: 'install',
  summary: 'print the manifests of the control plane: weft install | kubectl apply -f -',
  help: `usage: weft install [options]
       weft install --crds[=all] | kubectl apply -f -

Prints the control plane's manifests. They hold no key: identity makes the root and the issuer at its first start,
unless a Secret weft-identity-issuer is there. The output is the same every time.

  --crds               print the custom resource definitions (CRDs) that the cluster lacks; --crds=all prints all,
                       asking nothing
  --image IMAGE        image of every program (${DEFAULT_INSTALL_SETTINGS.image})
  --image-pull-policy  Always, IfNotPresent or Never (${DEFAULT_INSTALL_SETTINGS.imagePullPolicy})
  --replicas N         replicas of each component (${DEFAULT_INSTALL_SETTINGS.replicas})
  --trust-domain NAME  (${DEFAULT_INSTALL_SETTINGS.trustDomain})
  --label-families LIST
                       whose labels and annotations ask for injection, of weft, istio and linkerd (all three).
                       Weft's own always count. Leave out a mesh that runs here itself: weft check --pre says so
  --issuance-lifetime  lifetime of workload certificates (${DEFAULT_INSTALL_SETTINGS.issuanceLifetime})
  --pod-monitor        print PodMonitors for the Prometheus operator too (docs/prometheus.md)
  --network-policies   print NetworkPolicies too: the control plane takes connections at its own ports alone
  --trust-roots-policy print a ValidatingAdmissionPolicy too (Kubernetes 1.30): only identity and cluster administrators
                       write the roots that pods of a namespace trust, not whoever may write its ConfigMaps
  -o json              print a List in JSON

CRDs that another mesh owns are never changed and never removed.
`,
  async run(args) {
    const { values } = readArguments(
      'install',
      args.map((arg) => (arg === '--crds' ? '--crds=missing' : arg)),
      {
        crds: { type: 'string' },
        image: { type: 'string', default: DEFAULT_INSTALL_SETTINGS.image },
        'image-pull-policy': { type: 'string', default: DEFAULT_INSTALL_SETTINGS.imagePullPolicy },
        replicas: { type: 'string', default: String(DEFAULT_INSTALL_SETTINGS.replicas) },
        'trust-domain': { type: 'string', default: DEFAULT_INSTALL_SETTINGS.trustDomain },
        'label-families': { type: 'string', default: LABEL_FAMILIES.join(',') },
        'issuance-lifetime': { type: 'string', default: DEFAULT_INSTALL_SETTINGS.issuanceLifetime },
        'pod-monitor': { type: 'boolean', default: false },
        'network-policies': { type: 'boolean', default: false },
        'trust-roots-policy': { type: 'boolean', default: false },
        output: { type: 'string', short: 'o', default: 'yaml' },
      },
    );
    const output = readValue('-o', values.output, oneOf(['yaml', 'json'] as const));
    const objects = values.crds === undefined ? render(values) : await definitions(values.crds);
    process.stdout.write(toText(objects, output));
    return 0;
  },
};

function render(values: Readonly<Record<string, string | boolean | undefined>>): object[] {
  const text = (option: string) => String(values[option]);
  const value = <T>(option: string, kind: Kind<T>) => readValue(`--${option}`, text(option), kind);
  value('issuance-lifetime', durationBetween(...ISSUANCE_LIFETIME_MS));
  const settings: InstallSettings = {
    ...DEFAULT_INSTALL_SETTINGS,
    image: value('image', IMAGE),
    imagePullPolicy: value('image-pull-policy', oneOf(['Always', 'IfNotPresent', 'Never'])),
    replicas: value('replicas', COUNT),
    trustDomain: value('trust-domain', DOMAIN),
    issuanceLifetime: text('issuance-lifetime').trim(),
    families: readFamilies(text('label-families')),
    podMonitors: values['pod-monitor'] === true,
    networkPolicies: values['network-policies'] === true,
    trustRootsPolicy: values['trust-roots-policy'] === true,
  };
  return installation(settings, webhookConfigurations(settings));
}

function readFamilies(text: string): InstallSettings['families'] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !LABEL_FAMILIES.includes(name));
  const known = LABEL_FAMILIES.join(', ');
  if (unknown !== undefined) throw new UsageError(`--label-families: "${unknown}" is none of ${known}`);
  if (!names.includes('weft')) throw new UsageError(`--label-families ${text}: weft has to be among them`);
  return { istio: names.includes('istio'), linkerd: names.includes('linkerd') };
}

/** The resource definitions to apply: all, or those that the cluster of KUBECONFIG lacks. */
async function definitions(which: string): Promise<Manifest[]> {
  const all = [serviceProfileCrd(), ...policyCrds()];
  if (which === 'all') return all;
  if (which !== 'missing') throw new UsageError(`--crds=${which}: use --crds or --crds=all`);
  const api = await ApiClient.fromCluster();
  const missing: Manifest[] = [];
  for (const definition of all) {
    try {
      await api.get(apiPath`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition.metadata.name}`);
      process.stderr.write(`${definition.metadata.name} is there; left as it is\n`);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      missing.push(definition);
    }
  }
  return missing;
}

const LABEL_FAMILIES: readonly string[] = ['weft', 'istio', 'linkerd'];
