import t from 'tap';

import type { TrustPage } from '../../api/trust-page.ts';
import { type RotationFacts, renewalInstant, rotationStep } from './rotation.ts';

const proxy = (pod: string, applied: string, issuer: string): TrustPage['proxies'][number] => ({
  namespace: 'shop',
  pod,
  uid: pod,
  applied,
  issuer,
  notAfter: '2026-11-30T00:00:00Z',
});
const page = (more: Partial<TrustPage>): TrustPage => ({
  version: 'v2',
  roots: ['old', 'new'],
  renewIssuedBefore: '',
  issuer: 'old-issuer',
  proxies: [],
  ...more,
});
const START: RotationFacts = {
  roots: ['old'],
  issuer: 'old-issuer',
  next: null,
  renewIssuedBefore: '',
  replicas: [page({ version: 'v1', roots: ['old'] })],
  pods: ['shop/web', 'shop/api'],
};
const next = { root: 'new', issuer: 'new-issuer', switchedAt: '' };
const SWITCHED = {
  ...START,
  roots: ['old', 'new'],
  issuer: 'new-issuer',
  next: { ...next, switchedAt: '2026-11-29T12:00:00.000Z' },
};
const RENEWING = { ...SWITCHED, renewIssuedBefore: renewalInstant(Date.parse('2026-11-29T12:00:12.000Z')) };

t.test('first new authorities are staged, and the root told to everybody', async (t) => {
  t.same(rotationStep(START), { step: 'stage' });
  t.same(rotationStep({ ...START, next }), { step: 'trust' });
});

t.test('the issuer is not switched before every proxy and every replica has the new root', async (t) => {
  const told = { ...START, roots: ['old', 'new'], next };
  t.same(rotationStep(told), { step: 'await-trust', waiting: ['destination', 'shop/web', 'shop/api'] });
  const half = [page({ proxies: [proxy('web', 'v2', 'old-issuer'), proxy('api', 'v1', 'old-issuer')] })];
  t.same(rotationStep({ ...told, replicas: half }), { step: 'await-trust', waiting: ['shop/api'] });
  const behind = page({ version: 'v1', roots: ['old'], proxies: [proxy('api', 'v1', 'old-issuer')] });
  t.same(
    rotationStep({ ...told, replicas: [...half, behind] }),
    { step: 'await-trust', waiting: ['destination', 'shop/api'] },
    'what an older bundle acknowledges does not count',
  );
  const all = [
    page({ proxies: [proxy('web', 'v2', 'old-issuer')] }),
    page({ proxies: [proxy('api', 'v2', 'old-issuer')] }),
  ];
  t.same(rotationStep({ ...told, replicas: all }), { step: 'switch' });
});

t.test('after the switch everybody is asked to renew, once', async (t) => {
  t.same(rotationStep({ ...SWITCHED, next }), { step: 'switch' }, 'stopped before it was noted');
  t.same(rotationStep(SWITCHED), { step: 'renew' });
  t.same(
    rotationStep({ ...SWITCHED, renewIssuedBefore: renewalInstant(Date.parse('2026-11-29T11:59:59.000Z')) }),
    { step: 'renew' },
    'of a rotation a moment ago',
  );
});

t.test('the old root is not dropped while somebody shows a certificate below it, or does not speak', async (t) => {
  const web = proxy('web', 'v3', 'new-issuer');
  const of = (...proxies: TrustPage['proxies']) => [page({ issuer: 'new-issuer', proxies })];
  t.same(rotationStep({ ...RENEWING, replicas: of(web, proxy('api', 'v3', 'old-issuer')) }), {
    step: 'await-renewal',
    waiting: ['shop/api'],
  });
  t.same(rotationStep({ ...RENEWING, replicas: of(web) }), { step: 'await-renewal', waiting: ['shop/api'] });
  const all = of(web, proxy('api', 'v3', 'new-issuer'));
  t.same(rotationStep({ ...RENEWING, replicas: all }), { step: 'drop' });
  const replica = page({ issuer: 'old-issuer' });
  t.same(rotationStep({ ...RENEWING, replicas: [...all, replica] }), {
    step: 'await-renewal',
    waiting: ['destination'],
  });
});

t.test('it is over when nobody trusts the old root any more', async (t) => {
  const dropped = { ...RENEWING, roots: ['new'] };
  const proxies = [proxy('web', 'v4', 'new-issuer'), proxy('api', 'v3', 'new-issuer')];
  const of = (roots: string[], ...told: TrustPage['proxies']) => [
    page({ version: 'v4', roots, issuer: 'new-issuer', proxies: told }),
  ];
  t.same(rotationStep({ ...dropped, replicas: of(['old', 'new'], ...proxies) }), {
    step: 'await-drop',
    waiting: ['destination', 'shop/web', 'shop/api'],
  });
  t.same(rotationStep({ ...dropped, replicas: of(['new'], ...proxies) }), {
    step: 'await-drop',
    waiting: ['shop/api'],
  });
  const all = of(['new'], proxies[0]!, proxy('api', 'v4', 'new-issuer'));
  t.same(rotationStep({ ...dropped, replicas: all }), { step: 'finish' });
});
