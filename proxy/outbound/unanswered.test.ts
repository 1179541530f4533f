import t from 'tap';

import type { DiscoveryFailurePolicy } from '../../api/names.ts';
import { Unanswered } from './unanswered.ts';

const OWN = '10.0.0.9';
const of = (policy: DiscoveryFailurePolicy) =>
  new Unanswered({ policy, isInside: (address) => address.startsWith('10.'), isOwn: (address) => address === OWN });
const fails = (policy: DiscoveryFailurePolicy, host: string) => of(policy).failureOf({ host, port: 80 }) !== null;

t.test('what fails under each policy', async (t) => {
  for (const [host, ...expected] of [
    ['10.1.2.3', true, true, false],
    ['192.0.2.1', false, true, false],
    ['2001:db8::1', false, true, false],
    ['api.shop', true, true, false],
    [OWN, false, false, false],
  ] as const)
    t.same(
      (['fail-cluster', 'fail', 'forward'] as const).map((policy) => fails(policy, host)),
      expected,
      host,
    );
});

t.test('a failure names the address and how long it was waited for', async (t) => {
  t.same(of('fail').failureOf({ host: '2001:db8::1', port: 80 }), {
    reason: 'discovery_unavailable',
    message: 'destination has not said what [2001:db8::1]:80 is within 3 s',
  });
});

t.test('a name may be forwarded where it has led outside', async (t) => {
  t.same(
    (['fail-cluster', 'fail', 'forward'] as const).map((policy) => [
      of(policy).mayForward('10.1.2.3'),
      of(policy).mayForward('192.0.2.1'),
    ]),
    [
      [false, true],
      [false, false],
      [true, true],
    ],
  );
});
