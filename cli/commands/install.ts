import { parseArgs } from 'node:util';

import { ApiClient } from '../../core/kubernetes/api-client.ts';
import { ApiError } from '../../core/kubernetes/api-error.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import { policyCrds } from '../../manifests/policy-crds.ts';
import { installation, toYaml } from '../../manifests/render.ts';
import { serviceProfileCrd } from '../../manifests/service-profile-crd.ts';
import { DEFAULT_INSTALL_SETTINGS, type InstallSettings, type Manifest } from '../../manifests/settings.ts';
import { webhookConfigurations } from '../../webhook/configuration.ts';
import { type Command, UsageError } from '../command.ts';

/** `weft install`. */
export const install: Command = {
  name: 'install',
  summary: 'print the manifests of the control plane: weft install | kubectl apply -f -',
  help: `usage: weft install [options]
       weft install --crds[=all] | kubectl apply -f -

Prints the control plane's manifests. They hold no key: identity makes the root and the issuer at its first start,
unless a Secret weft-identity-issuer is there. The output is the same every time.

  --crds               print the resource definitions that the cluster lacks; --crds=all prints all, asking nothing
  --image IMAGE        image of every program (${DEFAULT_INSTALL_SETTINGS.image})
  --image-pull-policy  Always, IfNotPresent or Never (${DEFAULT_INSTALL_SETTINGS.imagePullPolicy})
  --replicas N         replicas of each component (${DEFAULT_INSTALL_SETTINGS.replicas})
  --trust-domain NAME  (${DEFAULT_INSTALL_SETTINGS.trustDomain})
  --label-families LIST
                       whose labels and annotations ask for injection, of weft, istio and linkerd (all three).
                       Weft's own always count. Leave out a mesh that runs here itself: weft check --pre says so
  --issuance-lifetime  lifetime of workload certificates (${DEFAULT_INSTALL_SETTINGS.issuanceLifetime})
  -o json              print a List in JSON

Definitions that another mesh owns are never changed and never removed.
`,
  async run(args) {
    const { values } = parseArgs({
      args: args.map((arg) => (arg === '--crds' ? '--crds=missing' : arg)),
      options: {
        crds: { type: 'string' },
        image: { type: 'string', default: DEFAULT_INSTALL_SETTINGS.image },
        'image-pull-policy': { type: 'string', default: DEFAULT_INSTALL_SETTINGS.imagePullPolicy },
        replicas: { type: 'string', default: String(DEFAULT_INSTALL_SETTINGS.replicas) },
        'trust-domain': { type: 'string', default: DEFAULT_INSTALL_SETTINGS.trustDomain },
        'label-families': { type: 'string', default: LABEL_FAMILIES.join(',') },
        'issuance-lifetime': { type: 'string', default: DEFAULT_INSTALL_SETTINGS.issuanceLifetime },
        output: { type: 'string', short: 'o', default: 'yaml' },
      },
    });
    if (!['yaml', 'json'].includes(values.output)) throw new UsageError(`-o ${values.output}: use yaml or json`);
    const objects = values.crds === undefined ? render(values) : await definitions(values.crds);
    const text =
      values.output === 'json'
        ? `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2)}\n`
        : toYaml(objects);
    process.stdout.write(text);
    return 0;
  },
};

function render(values: Record<string, string | undefined>): object[] {
  const policy = values['image-pull-policy']!;
  const replicas = Number(values.replicas);
  if (!isPullPolicy(policy)) throw new UsageError(`--image-pull-policy ${policy}: use Always, IfNotPresent or Never`);
  if (!Number.isInteger(replicas) || replicas < 1)
    throw new UsageError(`--replicas ${values.replicas}: use a number from 1`);
  const settings: InstallSettings = {
    ...DEFAULT_INSTALL_SETTINGS,
    image: values.image!,
    imagePullPolicy: policy,
    replicas,
    trustDomain: values['trust-domain']!,
    issuanceLifetime: values['issuance-lifetime']!,
    families: readFamilies(values['label-families']!),
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

function isPullPolicy(text: string): text is InstallSettings['imagePullPolicy'] {
  return ['Always', 'IfNotPresent', 'Never'].includes(text);
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
