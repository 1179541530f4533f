import t from 'tap';

import type { ObjectChange } from '../../core/kubernetes/list-watch.ts';
import { InjectedNamespaces } from './injected-namespaces.ts';

const put = (metadata: object): ObjectChange => ({ type: 'put', object: { metadata } });
const pod = (namespace: string, name: string, control?: string) =>
  put({ namespace, name, labels: control && { 'weft.dev/control-plane-namespace': control } });

t.test('counts namespaces that ask in the words of any family', async (t) => {
  const namespaces = new InjectedNamespaces('weft');
  t.same(
    namespaces.takeNamespaces([
      put({ name: 'a', labels: { 'weft.dev/inject': 'enabled' } }),
      put({ name: 'b', annotations: { 'linkerd.io/inject': 'ingress' } }),
      put({ name: 'c', labels: { 'istio-injection': 'enabled' } }),
      put({ name: 'd', labels: { 'istio.io/rev': 'canary' } }),
      put({ name: 'e', labels: { 'weft.dev/inject': 'disabled' } }),
      put({ name: 'f', labels: null, annotations: null }),
      put({ name: 'weft', labels: { 'weft.dev/inject': 'enabled' } }),
    ]),
    ['a', 'b', 'c', 'd'],
  );
  t.same(namespaces.takeNamespaces([put({ name: 'a', labels: { 'weft.dev/inject': 'ingress' } })]), [], 'known');
  namespaces.takeNamespaces([put({ name: 'a' }), { type: 'gone', namespace: '', name: 'b' }]);
  t.same(namespaces.list(), ['c', 'd']);
});

t.test('counts namespaces as long as they hold an injected pod', async (t) => {
  const namespaces = new InjectedNamespaces('weft');
  t.same(namespaces.takePods([pod('a', 'one', 'weft'), pod('a', 'two', 'weft'), pod('b', 'three', 'other')]), ['a']);
  namespaces.takePods([{ type: 'gone', namespace: 'a', name: 'one' }]);
  t.same(namespaces.list(), ['a']);
  namespaces.takePods([pod('a', 'two')]);
  t.same(namespaces.list(), []);
});
