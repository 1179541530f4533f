import t from 'tap';
import type { LocalitySetting } from '../../objects/istio/destination-rule.ts';
import { ClientView } from '../client-view.ts';
import { groupByLocality } from './locality.ts';

const client = (locality: string, labels: Record<string, string> = {}) =>
  new ClientView({ namespace: 'default', node: '', zone: '', locality, labels });
const at = (...localities: string[]) => localities.map((locality) => ({ locality, labels: {} }));
const setting = (fields: Partial<LocalitySetting>): LocalitySetting => ({
  isEnabled: true,
  distribute: [],
  failover: [],
  failoverPriority: [],
  zoneAware: null,
  ...fields,
});

t.test('near endpoints come first where failures are noticed', async (t) => {
  const endpoints = at('us/a/', 'eu/b/', 'eu/a/2', 'eu/a/1');
  t.same(groupByLocality(null, true, endpoints, client('eu/a/1'))?.groupOf, [3, 2, 1, 0]);
  t.equal(groupByLocality(null, false, endpoints, client('eu/a/1')), null, 'nothing would take over');
  t.equal(groupByLocality(setting({ isEnabled: false }), true, endpoints, client('eu/a/1')), null);
});

t.test('endpoints that are all as near are not told apart, nor those of a client whose place is unknown', async (t) => {
  t.equal(groupByLocality(null, true, at('us/a/', 'us/b/'), client('eu/a/')), null);
  t.equal(groupByLocality(null, true, at('us/a/', 'eu/a/'), client('')), null);
  t.same(
    groupByLocality(null, true, at('/a/', '/b/'), client('/a/'))?.groupOf,
    [0, 1],
    'a zone without a region is a place',
  );
  t.same(
    groupByLocality(null, true, at('eu/a/', 'us/b/'), client('eu//'))?.groupOf,
    [0, 1],
    'and a region without one',
  );
});

t.test('a region that takes over comes before the other regions', async (t) => {
  const endpoints = at('us/a/', 'asia/a/', 'eu/a/');
  const failover = [{ from: 'eu', to: 'asia' }];
  t.same(groupByLocality(setting({ failover }), true, endpoints, client('eu/a/'))?.groupOf, [2, 1, 0]);
});

t.test('labels decide how near an endpoint is, the first of them most', async (t) => {
  const endpoints = [
    { locality: 'eu/a/', labels: { rack: '2', version: 'v1' } },
    { locality: 'eu/a/', labels: { rack: '1', version: 'v2' } },
    { locality: 'eu/a/', labels: { rack: '1', version: 'v1' } },
    { locality: 'us/a/', labels: { rack: '1', version: 'v1' } },
  ];
  const failoverPriority = ['topology.kubernetes.io/region', 'rack', 'version=v1'];
  const grouping = groupByLocality(setting({ failoverPriority }), true, endpoints, client('eu/b/', { rack: '1' }));
  t.same(grouping?.groupOf, [2, 1, 0, 3]);
});

t.test('weights share requests out among localities, and the first entry for the client counts', async (t) => {
  const distribute = [
    { from: 'eu/a/*', to: { 'eu/a/*': 80, 'eu/*': 20 } },
    { from: '*', to: { '*': 100 } },
  ];
  const grouping = groupByLocality(setting({ distribute }), false, at('eu/a/1', 'eu/b/', 'us/a/'), client('eu/a/'));
  t.same(
    grouping?.localities.map(({ weight }) => weight),
    [80, 20],
  );
  t.same(grouping?.groupOf, [0, 1, null], 'a locality without a weight gets nothing');
});

t.test('a zone takes the requests of its own clients as far as it can bear them', async (t) => {
  const zoneAware = { minEndpoints: 3 };
  const grouped = (place: string, ...localities: string[]) => {
    const grouping = groupByLocality(setting({ zoneAware }), false, at(...localities), client(place))!;
    return grouping.groupOf.map((group) => {
      const { priority, weight } = grouping.localities[group!]!;
      return `${priority}:${weight}`;
    });
  };
  const even = ['eu/a/', 'eu/b/', 'eu/c/', 'us/a/'];
  t.same(grouped('eu/a/', ...even), ['0:1', '1:1', '1:1', '2:1'], 'all of them where it has its share');
  const uneven = ['eu/a/', 'eu/b/', 'eu/b/', 'eu/b/'];
  t.same(grouped('eu/a/', ...uneven), ['0:0.5', '0:0.5', '0:0.5', '0:0.5'], 'else the rest goes where there are more');
  t.same(grouped('eu/b/', ...uneven), ['1:1', '0:1', '0:1', '0:1']);
  t.same(grouped('eu/a/', 'eu/a/', 'eu/b/', 'us/a/'), ['0:1', '0:1', '2:1'], 'with few endpoints zones are alike');
  t.same(grouped('eu/z/', ...even), ['0:1', '0:1', '0:1', '2:1'], 'and where the client has none in its own');
  t.equal(groupByLocality(setting({ zoneAware }), false, at(...even), client('')), null, 'the place is not known');
});

t.test('beyond the region those come first that are to take over', async (t) => {
  const failover = [{ from: 'eu', to: 'asia' }];
  const endpoints = at('us/a/', 'asia/a/', 'eu/a/');
  const { groupOf, localities } = groupByLocality(
    setting({ zoneAware: { minEndpoints: 1 }, failover }),
    false,
    endpoints,
    client('eu/a/'),
  )!;
  t.same(
    groupOf.map((group) => localities[group!]!.priority),
    [3, 2, 0],
  );
});
