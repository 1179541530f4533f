import t from 'tap';

import { EndpointSeries, KEPT_MS } from './endpoint-series.ts';
import { Registry } from './registry.ts';

/** Two families with a series of each of these endpoints, and what is left of them. */
function families(...pods: string[]) {
  const registry = new Registry();
  const requests = registry.counter('request_total', '');
  const responses = registry.counter('response_total', '');
  const endpoints = new EndpointSeries([requests, responses]);
  const labelsOf = (pod: string) => ({ direction: 'outbound', dst_pod: pod });
  for (const pod of pods) {
    requests.with(labelsOf(pod));
    responses.with({ ...labelsOf(pod), status_code: '200' });
  }
  const left = () =>
    [...requests.series.keys(), ...responses.series.keys()].map((key) => /dst_pod="(.*?)"/.exec(key)?.[1]);
  return { endpoints, labelsOf, left };
}

const idle = () => false;

t.test('the series of an endpoint that is gone are let go when they have been scraped', async (t) => {
  const { endpoints, labelsOf, left } = families('api-1', 'api-10');
  const gone = endpoints.hold(labelsOf('api-1'));
  endpoints.hold(labelsOf('api-10'));
  gone(0, idle);
  endpoints.sweep(KEPT_MS - 1);
  t.same(left(), ['api-1', 'api-10', 'api-1', 'api-10']);
  endpoints.sweep(KEPT_MS);
  t.same(left(), ['api-10', 'api-10']);
});

t.test('not while something is under way there', async (t) => {
  const { endpoints, labelsOf, left } = families('api-1');
  let isBusy = true;
  endpoints.hold(labelsOf('api-1'))(0, () => isBusy);
  endpoints.sweep(KEPT_MS);
  t.equal(left().length, 2);
  isBusy = false;
  endpoints.sweep(KEPT_MS + 1);
  t.equal(left().length, 0);
});

t.test('nor when it has come back, or another backend has it too', async (t) => {
  const { endpoints, labelsOf, left } = families('api-1');
  const first = endpoints.hold(labelsOf('api-1'));
  const second = endpoints.hold(labelsOf('api-1'));
  first(0, idle);
  endpoints.sweep(KEPT_MS);
  t.equal(left().length, 2);
  second(KEPT_MS, idle);
  endpoints.sweep(KEPT_MS * 2);
  t.equal(left().length, 0);
});
