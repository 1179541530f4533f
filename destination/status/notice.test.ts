import t from 'tap';

import type { Report } from '../objects/reports.ts';
import { noticeOf } from './notice.ts';

const report = (object: Report['object']): Report => ({ object, place: '', path: 'spec', message: 'is wrong' });

t.test('the owner of an object hears of a fault in it, under the name that its kind has in the API', async (t) => {
  for (const [kind, apiVersion, name] of [
    ['HTTPRoute', 'gateway.networking.k8s.io/v1', 'HTTPRoute'],
    ['LinkerdHTTPRoute', 'policy.linkerd.io/v1beta3', 'HTTPRoute'],
    ['RevocationList', 'v1', 'ConfigMap'],
    ['Service', 'v1', 'Service'],
  ] as const)
    t.match(noticeOf(report({ kind, namespace: 'shop', name: 'api' })), {
      subject: { apiVersion, kind: name, namespace: 'shop', name: 'api' },
      reason: 'Misconfigured',
    });
});

t.test('of a kind that is not read only what was written is known', async (t) => {
  const notice = noticeOf(report({ kind: 'Widget', namespace: 'shop', name: 'api' }));
  t.same(notice?.subject, { kind: 'Widget', namespace: 'shop', name: 'api' });
});

t.test('nobody hears of what is no object’s', async (t) => {
  t.equal(noticeOf(report(null)), null);
});
