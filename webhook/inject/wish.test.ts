import t from 'tap';

import { foreignInjectors } from './foreign-injectors.ts';
import { type Wish, wishOf } from './wish.ts';

type Texts = Record<string, string>;
interface Said {
  readonly pod?: { labels?: Texts; annotations?: Texts };
  readonly namespace?: { labels?: Texts; annotations?: Texts };
}

function wish({ pod, namespace }: Said, families = { istio: true, linkerd: true }): Wish | null {
  return wishOf(pod, { name: 'shop', labels: {}, annotations: {}, ...namespace }, families);
}

const WORDS: readonly [name: string, kind: 'labels' | 'annotations', text: string][] = [
  ['weft.dev/inject', 'labels', 'enabled'],
  ['weft.dev/inject', 'annotations', 'enabled'],
  ['linkerd.io/inject', 'labels', 'enabled'],
  ['linkerd.io/inject', 'annotations', 'enabled'],
  ['sidecar.istio.io/inject', 'labels', 'true'],
  ['sidecar.istio.io/inject', 'annotations', 'true'],
  ['istio.io/rev', 'labels', 'canary'],
];

t.test('a pod’s word says where it stands and what it says', async (t) => {
  for (const [name, kind, text] of WORDS)
    t.same(wish({ pod: { [kind]: { [name]: text } } }), {
      value: 'enabled',
      level: 'pod',
      source: `${kind.slice(0, -1)} ${name} of the pod`,
      text,
    });
});

t.test('the earlier of two words of a pod counts', async (t) => {
  for (const [i, [name, kind]] of WORDS.entries()) {
    for (const [other, otherKind, otherText] of WORDS.slice(i + 1)) {
      if (name === 'istio.io/rev') continue;
      const off = name.startsWith('sidecar') ? 'false' : 'disabled';
      const pod: { labels: Texts; annotations: Texts } = { labels: {}, annotations: {} };
      pod[otherKind][other] = otherText;
      pod[kind][name] = off;
      t.equal(wish({ pod })?.value, 'disabled', `${name} before ${other}`);
    }
  }
});

t.test('a pod’s word counts before every word of its namespace', async (t) => {
  for (const [name, kind, text] of WORDS)
    t.equal(
      wish({ pod: { [kind]: { [name]: text } }, namespace: { labels: { 'weft.dev/inject': 'disabled' } } })?.level,
      'pod',
      name,
    );
});

t.test('a namespace speaks by Weft’s word, Linkerd’s, Istio’s, and a revision, in this order', async (t) => {
  const names = ['weft.dev/inject', 'linkerd.io/inject', 'istio-injection', 'istio.io/rev'];
  for (const [i, name] of names.entries()) {
    const labels = Object.fromEntries(names.slice(i).map((each) => [each, each === name ? 'enabled' : 'disabled']));
    const found = wish({ namespace: { labels } });
    t.same([found?.value, found?.level, found?.source], ['enabled', 'namespace', `label ${name} of the namespace`]);
  }
  t.equal(wish({ namespace: { annotations: { 'istio-injection': 'enabled' } } }), null, 'Istio’s is a label');
});

t.test('a pod cannot opt in by Istio’s words where its namespace is off by them', async (t) => {
  const namespace = { labels: { 'istio-injection': 'disabled' } };
  t.equal(wish({ pod: { labels: { 'sidecar.istio.io/inject': 'true' } }, namespace })?.value, 'disabled');
  t.equal(wish({ pod: { labels: { 'istio.io/rev': 'x' } }, namespace })?.level, 'namespace');
  t.equal(wish({ pod: { labels: { 'linkerd.io/inject': 'enabled' } }, namespace })?.value, 'enabled');
});

t.test('words that are none are invalid, and an empty revision is none', async (t) => {
  for (const text of ['true', 'Enabled', '', 'toString'])
    t.equal(wish({ pod: { labels: { 'weft.dev/inject': text } } })?.value, 'invalid', text);
  t.equal(wish({ pod: { labels: { 'sidecar.istio.io/inject': 'enabled' } } })?.value, 'invalid');
  t.equal(wish({ pod: { labels: { 'weft.dev/inject': 'ingress' } } })?.value, 'ingress');
  t.equal(wish({ pod: { labels: { 'istio.io/rev': '' } } }), null);
  t.equal(wish({}), null);
});

t.test('a family that has an injector of its own is not listened to', async (t) => {
  for (const [name, kind, text] of WORDS) {
    const families = { istio: !name.includes('istio'), linkerd: !name.includes('linkerd') };
    const isOwn = name.startsWith('weft');
    t.equal(wish({ pod: { [kind]: { [name]: text } } }, families) !== null, isOwn, name);
  }
  for (const labels of [{ 'istio-injection': 'enabled' }, { 'istio.io/rev': 'x' }] as Texts[])
    t.equal(wish({ namespace: { labels } }, { istio: false, linkerd: true }), null);
  const linkerd = { labels: { 'linkerd.io/inject': 'enabled' } };
  t.equal(wish({ namespace: linkerd }, { istio: true, linkerd: false }), null);
});

t.test('an injector is known by the name of its registration', async (t) => {
  for (const [name, istio, linkerd] of [
    ['istio-sidecar-injector', true, false],
    ['istio-sidecar-injector-canary', true, false],
    ['istio-revision-tag-default', true, false],
    ['istiod-default-validator', false, false],
    ['linkerd-proxy-injector-webhook-config', false, true],
    ['linkerd-proxy-injector-webhook-config-2', false, false],
    ['weft-injector', false, false],
  ] as const)
    t.same(foreignInjectors(['other', name]), { istio, linkerd }, name);
  t.same(foreignInjectors([]), { istio: false, linkerd: false });
});
