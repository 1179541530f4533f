import t from 'tap';

import { clusterOf } from '../testing/cluster.ts';
import { deployment, namespace, pod, service, serviceProfile, slice } from '../testing/manifests.ts';
import type { Change } from './kinds.ts';

t.test('whatever a computation looked at marks it when it changes, also what was not there', async (t) => {
  const { cluster, source, target } = clusterOf(
    service('api', '10.96.0.1'),
    pod('api-1', '10.244.0.1'),
    slice('api', [['api-1', '10.244.0.1']]),
  );
  const { topics } = cluster.observe(() => target('10.96.0.1:80'));
  const touches = (act: () => void) => {
    let isTouched = false;
    const end = source.objects.onChange((changes) => {
      isTouched = [...cluster.apply([...changes] as Change[])].some((topic) => topics.has(topic));
    });
    act();
    end();
    return isTouched;
  };
  t.ok(touches(() => source.put(service('api', '10.96.0.1', { port: { appProtocol: 'http' } }))));
  t.ok(touches(() => source.put(pod('api-1', '10.244.0.1', { meshed: false }))));
  t.ok(touches(() => source.put(slice('api', []))));
  t.ok(touches(() => source.put(namespace('default'))));
  t.ok(touches(() => source.put(serviceProfile('api.default.svc.cluster.local', {}))));
  t.ok(touches(() => source.put(deployment('api'))));
  t.ok(touches(() => source.remove('Service', 'api')));
  t.notOk(touches(() => source.put(service('other', '10.96.0.9'))));
  t.notOk(touches(() => source.put(pod('other', '10.244.0.9'))));
  t.notOk(touches(() => source.put(slice('other', []))));
});

t.test('an object that reads the same again is no change', async (t) => {
  const { source } = clusterOf(pod('api-1', '10.244.0.1'));
  let batches = 0;
  source.objects.onChange(() => batches++);
  source.put({
    ...pod('api-1', '10.244.0.1'),
    status: { phase: 'Running', podIP: '10.244.0.1', conditions: [{ type: 'Ready' }] },
  });
  t.equal(batches, 0);
});

t.test('an unreadable version is reported and the last good one kept', async (t) => {
  const { source, reports, target } = clusterOf(pod('api-1', '10.244.0.1'));
  source.put({ ...pod('api-1', '10.244.0.1'), spec: { containers: 'none' } });
  t.match(reports.current(), [{ path: 'spec.containers', message: /no list/ }]);
  t.equal(target('10.244.0.1:80')?.kind, 'pod');
  source.put(pod('api-1', '10.244.0.2'));
  t.same(reports.current(), [], 'a good version mends it');
  t.equal(target('10.244.0.2:80')?.kind, 'pod');
});
