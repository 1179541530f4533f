import t from 'tap';

import { pod, service } from '../../destination/testing/manifests.ts';
import { ask } from './testing/ask.ts';

const POLICY = 'weft.dev/default-inbound-policy';
const API = service('api', '10.96.0.1');
const api = (annotations: object, more: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'api', namespace: 'default' },
  spec: {
    template: {
      metadata: { labels: { app: 'api' }, annotations },
      spec: { containers: [{ name: 'app', ports: [{ containerPort: 8080 }], ...more }] },
    },
  },
});
const inboundOf = (...objects: object[]) =>
  ask({ 'a.yaml': [API, ...objects] }, { url: 'http://api/ready' }).explanation.split.flatMap(({ inbound }) => inbound);

t.test('a Deployment stands for the pods that it would make', async (t) => {
  t.match(inboundOf(api({ [POLICY]: 'deny' })), [
    {
      pods: ['Deployment/default/api'],
      port: 8080,
      policy: {
        origin: 'annotation/Deployment/default/api',
        field: `spec.template.metadata.annotations["${POLICY}"]`,
        place: /^a\.yaml:/,
      },
      refused: 'policy_denied',
    },
  ]);
  const { text } = ask({ 'a.yaml': [API, api({})] });
  t.match(
    text,
    /no endpoint.*\n +of the pods that would be endpoints, with a proxy:\n +inbound at Deployment\/default\/api/,
  );
});

t.test('its probes are exempt too', async (t) => {
  const readinessProbe = { httpGet: { path: '/ready', port: 8080 } };
  t.match(inboundOf(api({ [POLICY]: 'deny' }, { readinessProbe })), [{ policy: { verdict: 'probe' }, refused: null }]);
});

t.test('pods that are there stand for themselves, a Deployment besides them only where it has none', async (t) => {
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'api', controller: true }];
  const owned = pod('api-0', '10.0.0.1', { meshed: false });
  const made = { ...owned, metadata: { ...owned.metadata, ownerReferences } };
  t.match(inboundOf(owned), [{ pods: ['default/api-0'] }]);
  t.same(
    inboundOf(made, api({})).flatMap(({ pods }) => pods),
    ['default/api-0'],
  );
  t.same(
    inboundOf(owned, api({})).flatMap(({ pods }) => pods),
    ['default/api-0', 'Deployment/default/api'],
  );
  t.same(inboundOf(), [], 'nothing stands for nothing');
});
