import { X509Certificate } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import type { Test } from 'tap';

import { TOKEN_AUDIENCE } from '../api/names.ts';
import { ApiClient, type Json } from '../core/kubernetes/api-client.ts';
import { createLog } from '../core/log/log.ts';
import { createCsr } from '../core/pki/certificate-request.ts';
import { generateKeyPair } from '../core/pki/key-pair.ts';
import { readWorkloadExtension } from '../core/pki/workload-extension.ts';
import { readConfig } from './config.ts';
import { startIdentity } from './identity.ts';

/** Registers tests of identity against the API server of `KUBECONFIG`; skipped, saying so, where that is not set. */
export function clusterTests(t: Test): void {
  const skip = process.env.KUBECONFIG ? false : 'KUBECONFIG is not set: there is no API server';

  t.test('identity bootstraps, publishes its roots and certifies by TokenReview', { skip }, async (t) => {
    const api = await ApiClient.fromCluster();
    const suffix = Math.random().toString(36).slice(2, 8);
    const control = `weft-identity-${suffix}`;
    const shop = `shop-${suffix}`;
    for (const name of [control, shop]) await api.create('/api/v1/namespaces', { metadata: { name } });
    t.teardown(async () => {
      for (const name of [control, shop]) await api.delete(`/api/v1/namespaces/${name}`);
      api.close();
    });
    const variables = {
      WEFT_IDENTITY_CONTROL_NAMESPACE: control,
      WEFT_IDENTITY_LISTEN: '127.0.0.1:0',
      WEFT_IDENTITY_ADMIN_LISTEN: '127.0.0.1:0',
      WEFT_IDENTITY_SHUTDOWN_GRACE: '1s',
    };
    const start = () => startIdentity(readConfig(variables), createLog('test', 'silent'));
    const replicas = await Promise.all([start(), start()]);
    t.teardown(() => Promise.all(replicas.map((replica) => replica.close())));
    const roots = await rootsOf(api, control);
    t.ok(new X509Certificate(roots!).ca, 'one of two replicas made the root');

    t.equal(await rootsOf(api, shop), null, 'a namespace that does not ask gets no roots');
    const label = { metadata: { labels: { 'weft.dev/inject': 'enabled' } } };
    await api.patch(`/api/v1/namespaces/${shop}`, label, 'application/merge-patch+json');
    t.equal(await eventually(() => rootsOf(api, shop)), roots, 'a namespace that asks gets them');

    const pod = await createPod(api, shop);
    const keyPair = generateKeyPair();
    const names = { dns: [`default.${shop}.serviceaccount.identity.${control}.cluster.local`], uris: [] };
    const csr = createCsr({ keyPair, sans: names });
    for (const { address } of replicas) {
      const certify = async (audience: string, request: string) =>
        await post(address, roots!, `weft-identity.${control}.serviceaccount.identity.${control}.cluster.local`, {
          token: await tokenOf(api, pod, audience),
          csr: request,
        });
      const { chain } = await certify(TOKEN_AUDIENCE, csr);
      t.same(readWorkloadExtension(new X509Certificate(chain).raw), { pod: pod.metadata.name, uid: pod.metadata.uid });
      t.equal((await certify('other', csr)).error?.reason, 'token_audience_mismatch');
      const foreign = createCsr({ keyPair, sans: { dns: [names.dns[0]!.replace('default', 'admin')], uris: [] } });
      t.equal((await certify(TOKEN_AUDIENCE, foreign)).error?.reason, 'csr_san_not_owned');
    }
  });
}

async function rootsOf(api: ApiClient, namespace: string): Promise<string | null> {
  const found = await api.get(`/api/v1/namespaces/${namespace}/configmaps/weft-trust-roots`).catch(() => null);
  return found?.data['ca-bundle.pem'] ?? null;
}

async function createPod(api: ApiClient, namespace: string): Promise<Json> {
  await eventually(() => api.get(`/api/v1/namespaces/${namespace}/serviceaccounts/default`).catch(() => null));
  return await api.create(`/api/v1/namespaces/${namespace}/pods`, {
    metadata: { name: 'web-1' },
    // Names no node that exists: the pod is there to have a token, and never runs.
    spec: { nodeSelector: { none: 'such' }, containers: [{ name: 'web', image: 'localhost/busybox:1' }] },
  });
}

async function tokenOf(api: ApiClient, pod: Json, audience: string): Promise<string> {
  const { name, namespace, uid } = pod.metadata;
  const review = await api.create(`/api/v1/namespaces/${namespace}/serviceaccounts/default/token`, {
    spec: { audiences: [audience], boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
  });
  return review.status.token;
}

function post(address: string, ca: string, servername: string, body: object): Promise<Json> {
  return new Promise((resolve, reject) => {
    httpsRequest(
      `https://${address}/v1/certify`,
      { ca, servername, agent: false, method: 'POST', headers: { 'content-type': 'application/json' } },
      async (response) => {
        let text = '';
        for await (const chunk of response.setEncoding('utf8')) text += chunk;
        resolve(JSON.parse(text));
      },
    )
      .on('error', reject)
      .end(JSON.stringify(body));
  });
}

/** What `look` finds, asked again every 50 ms for at most 10 s while it finds nothing. */
async function eventually<T>(look: () => Promise<T | null>): Promise<T | null> {
  for (let tries = 0; tries < 200; tries++) {
    const found = await look();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return null;
}
