import t from 'tap';

import type { Put } from '../../destination/objects/object-store.ts';
import { linesOfEdit, refOfPut } from './edits.ts';

const put = (kind: Put['kind'], name: string, rest: object): Put => ({
  kind,
  raw: { metadata: { name, namespace: 'shop' }, ...rest } as Put['raw'],
  place: `${name}.yaml:1`,
});
const written = (...puts: Put[]) => new Map(puts.map((each) => [refOfPut(each), each]));
const profile = (timeout: string) => put('ServiceProfile', 'api', { spec: { timeout } });
const deployment = (replicas: number, annotations = {}) =>
  put('Deployment', 'web', {
    metadata: { name: 'web', namespace: 'shop', annotations },
    spec: { replicas, template: { spec: { containers: [] } } },
  });
const none = written();

t.test('says nothing of what is as it was', async (t) => {
  const same = written(profile('1s'));
  t.same(linesOfEdit({ running: same, before: same, after: written(profile('1s')), changed: new Set() }), []);
});

t.test('says applied of what destination has put in force, and of nothing else', async (t) => {
  const edit = { running: none, before: written(profile('1s')), after: written(profile('2s')) };
  t.same(linesOfEdit({ ...edit, changed: new Set(['ServiceProfile/shop/api']) }), [
    'applied: ServiceProfile/shop/api changed (api.yaml:1)',
  ]);
  t.same(linesOfEdit({ ...edit, changed: new Set() }), [], 'a version that was refused');
});

t.test('compares what pods are made of with what they were started from', async (t) => {
  const running = written(deployment(1));
  const lines = (before: Put, after: Put, changed: string[] = []) =>
    linesOfEdit({ running, before: written(before), after: written(after), changed: new Set(changed) });
  t.same(lines(deployment(1), deployment(2)), [
    'restart to apply: Deployment/shop/web: spec.replicas has changed (web.yaml:1)',
  ]);
  t.same(lines(deployment(2), deployment(1)), ['as it runs: Deployment/shop/web (web.yaml:1)']);
  t.same(lines(deployment(1), deployment(2, { a: 'b' }), ['Deployment/shop/web']), [
    'restart to apply: Deployment/shop/web: spec.replicas has changed (web.yaml:1)',
    'applied: Deployment/shop/web changed (web.yaml:1)',
  ]);
});

t.test('says that what comes and goes wants a restart, where pods or addresses are made of it', async (t) => {
  const running = written(deployment(1));
  t.same(linesOfEdit({ running, before: running, after: none, changed: new Set() }), [
    'restart to apply: Deployment/shop/web removed (web.yaml:1)',
  ]);
  const service = written(put('Service', 'api', { spec: { ports: [] } }));
  t.same(linesOfEdit({ running, before: none, after: service, changed: new Set(['Service/shop/api']) }), [
    'restart to apply: Service/shop/api added (api.yaml:1)',
  ]);
});
