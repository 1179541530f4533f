import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

import { DESTINATION_SERVICE_ACCOUNT, IDENTITY_SERVICE_ACCOUNT, WEBHOOK_SERVICE_ACCOUNT } from '../api/names.ts';
import type { Access } from '../core/kubernetes/access.ts';
import { EVENT_WRITER_ACCESS } from '../core/kubernetes/event-writer.ts';
import { STATUS_WRITER_ACCESS } from '../destination/status/status-writer.ts';
import { SOURCE_ACCESS } from '../destination/watch/kubernetes.ts';
import { TOKEN_REVIEW_ACCESS } from '../identity/authenticate/token-review.ts';
import { AUTHORITIES_ACCESS } from '../identity/bootstrap/authorities.ts';
import { ISSUER_SOURCE_ACCESS } from '../identity/issue/issuer-source.ts';
import { REVOCATIONS_ACCESS } from '../identity/revocations.ts';
import { PUBLISHER_ACCESS } from '../identity/trust-roots/publisher.ts';
import { ROLES, type Role, type Rule } from '../manifests/rbac.ts';
import { ANNOTATION_MIRROR_ACCESS } from '../webhook/cluster/annotation-mirror.ts';
import { FOREIGN_MESHES_ACCESS } from '../webhook/cluster/foreign-meshes.ts';
import { NAMESPACE_DIRECTORY_ACCESS } from '../webhook/cluster/namespace-directory.ts';
import { RESTARTS_ACCESS } from '../webhook/cluster/restarts.ts';
import { SERVICE_PROFILES_ACCESS } from '../webhook/cluster/service-profiles.ts';
import { UNINJECTED_PODS_ACCESS } from '../webhook/cluster/uninjected-pods.ts';
import { REGISTRATION_ACCESS } from '../webhook/tls/registration.ts';
import { TLS_SECRET_ACCESS } from '../webhook/tls/tls-secret.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What each component's code asks for, by the component's account. */
const USED: Readonly<Record<string, readonly Access[]>> = {
  [IDENTITY_SERVICE_ACCOUNT]: [
    ...TOKEN_REVIEW_ACCESS,
    ...PUBLISHER_ACCESS,
    ...ISSUER_SOURCE_ACCESS,
    ...REVOCATIONS_ACCESS,
    ...EVENT_WRITER_ACCESS,
    ...AUTHORITIES_ACCESS,
  ],
  [DESTINATION_SERVICE_ACCOUNT]: [...SOURCE_ACCESS, ...EVENT_WRITER_ACCESS, ...STATUS_WRITER_ACCESS],
  [WEBHOOK_SERVICE_ACCOUNT]: [
    ...NAMESPACE_DIRECTORY_ACCESS,
    ...ANNOTATION_MIRROR_ACCESS,
    ...UNINJECTED_PODS_ACCESS,
    ...SERVICE_PROFILES_ACCESS,
    ...RESTARTS_ACCESS,
    ...FOREIGN_MESHES_ACCESS,
    ...EVENT_WRITER_ACCESS,
    ...REGISTRATION_ACCESS,
    ...TLS_SECRET_ACCESS,
  ],
};

/** One right: `get configmaps weft-trust-roots`. */
function rightsOf(rules: readonly Rule[]): string[] {
  return rules.flatMap(({ apiGroups, resources, resourceNames = ['*'], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        resourceNames.flatMap((name) => verbs.map((verb) => right(verb, group, resource, name))),
      ),
    ),
  );
}

function right(verb: string, group: string, resource: string, name = '*'): string {
  return `${verb} ${group && `${group}/`}${resource} ${name}`;
}

/** What a role lacks, and what it has for nothing. */
function differences({ cluster, own }: Role, used: readonly Access[]): { missing: string[]; unused: string[] } {
  const rights = { cluster: rightsOf(cluster), own: rightsOf(own) };
  const needed = new Set<string>();
  const missing: string[] = [];
  for (const { group, resource, verbs, name, isOwnNamespace } of used)
    for (const verb of verbs) {
      const candidates = [right(verb, group, resource, name), right(verb, group, resource)];
      const found =
        candidates.map((each) => rights.cluster.includes(each) && `cluster: ${each}`).find(Boolean) ||
        (isOwnNamespace && candidates.map((each) => rights.own.includes(each) && `own: ${each}`).find(Boolean));
      if (found) needed.add(found);
      else missing.push(candidates[0]!);
    }
  const all = [...rights.cluster.map((each) => `cluster: ${each}`), ...rights.own.map((each) => `own: ${each}`)];
  return { missing, unused: all.filter((each) => !needed.has(each)) };
}

t.test('each component may do what it does and nothing else', async (t) => {
  t.same(Object.keys(ROLES).sort(), Object.keys(USED).sort());
  for (const [component, used] of Object.entries(USED))
    t.same(differences(ROLES[component]!, used), { missing: [], unused: [] }, component);
});

t.test('finds a right that is missing and one that is not used', async (t) => {
  const rule: Rule = { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] };
  const used: Access[] = [{ group: 'apps', resource: 'deployments', verbs: ['get'] }];
  t.same(differences({ cluster: [rule], own: [] }, [...used, { group: '', resource: 'pods', verbs: ['list'] }]), {
    missing: ['get apps/deployments *'],
    unused: ['cluster: get pods *'],
  });
  const own: Access = { group: '', resource: 'pods', name: 'a', isOwnNamespace: true, verbs: ['get', 'list'] };
  t.same(differences({ cluster: [], own: [rule] }, [own]), { missing: [], unused: [] });
  t.same(differences({ cluster: [], own: [rule] }, [{ ...own, isOwnNamespace: false }]).missing.length, 2);
});

t.test('every file that asks the API server declares what for', async (t) => {
  const asks = /\b(?:api|client)\.(?:get|create|update|patch|delete|stream)\(|new ListWatch\(|\blistPages\(/;
  const files = globSync('{identity,destination,webhook}/**/*.ts', { cwd: root }).filter(
    // Anybody may ask for the version.
    (file) => !/\.(test|integration)\.ts$|\/testing\/|native-sidecar/.test(file),
  );
  const asking = files.filter((file) => asks.test(readFileSync(join(root, file), 'utf8')));
  t.ok(asking.length > 0, 'such files were found');
  for (const file of asking) t.match(readFileSync(join(root, file), 'utf8'), /_ACCESS: readonly Access\[\]/, file);
});
