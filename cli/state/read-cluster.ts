import { CONTROL_NAMESPACE, DESTINATION_SERVICE_ACCOUNT } from '../../api/names.ts';
import { errorMessage } from '../../core/errors/weft-error.ts';
import type { ApiClient, Json } from '../../core/kubernetes/api-client.ts';
import { ApiError } from '../../core/kubernetes/api-error.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import { listPages, nameSelector } from '../../core/kubernetes/list-pages.ts';
import { KINDS, type Kind } from '../../destination/objects/kinds.ts';
import { kindOf, type OtherManifest } from '../../destination/objects/manifest-file.ts';
import type { MeshDomain } from '../../destination/objects/mesh-domain.ts';
import type { Put } from '../../destination/objects/object-store.ts';
import type { Report } from '../../destination/objects/reports.ts';
import { foreignInjectors } from '../../webhook/inject/foreign-injectors.ts';
import { domainOf } from './default-domain.ts';
import { MESH_GROUPS } from './mesh-groups.ts';
import type { FoundObjects } from './mesh-state.ts';

type Api = Pick<ApiClient, 'get'>;

/**
 * Reads every object of a cluster that decides where requests go, and those of the other kinds of mesh API groups.
 * Kinds that the cluster does not have are passed over; one that may not be listed is reported.
 *
 * @throws ApiError when the API server cannot be reached
 */
export async function readCluster(api: Api): Promise<FoundObjects> {
  const faults: Report[] = [];
  const domain = await readDomain(api);
  const puts: Put[] = [];
  for (const kind of Object.keys(KINDS) as Kind[]) {
    const { group, versions, plural, only } = KINDS[kind];
    for (const version of versions) {
      const items = await listOf(api, { group, version, plural, only }, faults);
      puts.push(...(items ?? []).map((raw) => ({ kind, raw, place: '' })));
      if (items) break;
    }
  }
  const registrations = await listOf(api, REGISTRATIONS, faults);
  const injectors = registrations && foreignInjectors(registrations.map(({ metadata }) => metadata.name));
  return { puts, others: await readOthers(api, faults), faults, domain, injectors };
}

const REGISTRATIONS: Collection = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'mutatingwebhookconfigurations',
};

interface Collection {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** The one name that is asked for; absent: all. */
  readonly only?: string | undefined;
}

/** null: the cluster has no such collection, or does not show it, which is reported. */
async function listOf(
  api: Api,
  { group, version, plural, only }: Collection,
  faults: Report[],
): Promise<Json[] | null> {
  const path = group === '' ? apiPath`/api/${version}/${plural}` : apiPath`/apis/${group}/${version}/${plural}`;
  const items: Json[] = [];
  try {
    for await (const item of listPages(api, path, only && nameSelector(only))) items.push(item);
    return items;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 0) throw error;
    if (error.status !== 404) {
      const called = group === '' ? plural : `${plural}.${group}`;
      const message = `${called} cannot be listed, so nothing is said of them: ${errorMessage(error)}`;
      faults.push({ object: null, place: '', path: '', message, severity: 'warning' });
    }
    return null;
  }
}

/** What is served of the mesh API groups besides what Weft reads, each kind in the version that its group prefers. */
async function readOthers(api: Api, faults: Report[]): Promise<OtherManifest[]> {
  const others: OtherManifest[] = [];
  const { groups = [] } = await api.get('/apis');
  for (const { name: group, preferredVersion } of groups) {
    if (!MESH_GROUPS.includes(group)) continue;
    const { version } = preferredVersion;
    const { resources = [] } = await api.get(apiPath`/apis/${group}/${version}`);
    for (const { kind, name: plural } of resources) {
      if (plural.includes('/') || kindOf(group, kind)) continue;
      const items = await listOf(api, { group, version, plural }, faults);
      others.push(...(items ?? []).map((raw) => ({ group, kind, raw, place: '' })));
    }
  }
  return others;
}

/** The settings of the installed control plane; the defaults where there is none, or it may not be looked at. */
async function readDomain(api: Api): Promise<MeshDomain> {
  const path = apiPath`/apis/apps/v1/namespaces/${CONTROL_NAMESPACE}/deployments/${DESTINATION_SERVICE_ACCOUNT}`;
  let deployment: Json = {};
  try {
    deployment = await api.get(path);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 0) throw error;
  }
  const containers: Json[] = deployment.spec?.template?.spec?.containers ?? [];
  const variables = containers.flatMap(({ env = [] }) => env as { name: string; value?: string }[]);
  return domainOf(Object.fromEntries(variables.map(({ name, value }) => [name, value])));
}
