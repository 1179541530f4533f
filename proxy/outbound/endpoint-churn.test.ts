import t from 'tap';

import { OWN_BACKEND } from '../../api/routing.ts';
import { KEPT_MS } from '../telemetry/endpoint-series.ts';
import { FakeEndpoints } from './testing/fake-endpoints.ts';

t.test('pods that come and go leave no series behind', async (t) => {
  const { target, metrics } = new FakeEndpoints(['10.1.0.1']);
  const { description } = target;
  const backend = description.backends[OWN_BACKEND]!;
  const [first] = backend.endpoints;
  for (let n = 0; n < 1000; n++) {
    const address = `10.2.${n >> 8}.${n & 255}`;
    const endpoint = { ...first!, uid: `uid-${n}`, address, labels: { dst_pod: `api-${n}` } };
    target.update({ ...description, backends: { [OWN_BACKEND]: { ...backend, endpoints: [endpoint] } } });
  }
  t.equal(metrics.requests.series.size, 1001);
  metrics.endpoints.sweep(performance.now() + KEPT_MS);
  t.same(
    [metrics.requests, metrics.tcpOpenTotal].map(({ series }) => [...series.keys()].length),
    [1, 1],
  );
  t.match([...metrics.requests.series.keys()], [/dst_pod="api-999"/], 'the one that is there stays');
});
