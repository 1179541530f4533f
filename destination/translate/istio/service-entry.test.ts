import t from 'tap';

import { clusterOf } from '../../testing/cluster.ts';
import { pod, service } from '../../testing/manifests.ts';

function entry(name: string, spec: object, fields: { namespace?: string; createdAt?: string } = {}) {
  const { namespace = 'default', createdAt = '2026-01-01T00:00:00Z' } = fields;
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name, namespace, creationTimestamp: createdAt },
    spec: { ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], ...spec },
  };
}

const NOWHERE = '203.0.113.9:80';

t.test('a host is known by its name, where its name is resolved', async (t) => {
  const { target } = clusterOf(entry('shop', { hosts: ['shop.example.com'], resolution: 'DNS' }));
  t.match(target('shop.example.com:80'), {
    name: 'shop.example.com',
    kind: 'service',
    backends: { '': { endpoints: [{ address: 'shop.example.com', port: 80, tls: null }] } },
  });
  t.equal(target('shop.example.com:81'), null);
  t.equal(target('other.example.com:80'), null);
});

t.test('an address that nobody has is looked at where hosts have the port, and nowhere else', async (t) => {
  const { target, source } = clusterOf(service('api', '10.96.0.1'));
  t.equal(target(NOWHERE), null);
  source.put(entry('shop', { hosts: ['shop.example.com'], resolution: 'DNS' }));
  t.match(target(NOWHERE), {
    byHost: true,
    kind: 'pod',
    backends: { '': { endpoints: [{ address: '203.0.113.9' }] } },
  });
  t.equal(target('203.0.113.9:81'), null);
  t.match(target('10.96.0.1:80'), { name: 'api.default.svc.cluster.local', byHost: undefined });
});

t.test('an address that an entry claims is its first host, and goes on to the address or its endpoints', async (t) => {
  const claimed = (spec: object) =>
    clusterOf(entry('shop', { hosts: ['shop.example.com'], addresses: ['203.0.113.0/24'], ...spec })).target(NOWHERE);
  t.match(claimed({}), {
    name: 'shop.example.com',
    backends: { '': { endpoints: [{ address: '203.0.113.9', port: 80 }] } },
  });
  t.match(claimed({ resolution: 'STATIC', endpoints: [{ address: '192.0.2.1', ports: { http: 8080 } }] }), {
    backends: { '': { endpoints: [{ address: '192.0.2.1', port: 8080 }] } },
  });
});

t.test('every name below a wildcard is a host of its own, unless a nearer entry has it', async (t) => {
  const { target } = clusterOf(
    entry('all', { hosts: ['*.example.com'] }),
    entry('shop', {
      hosts: ['shop.example.com'],
      resolution: 'STATIC',
      endpoints: [{ address: '192.0.2.1' }],
    }),
  );
  t.match(target('a.b.example.com:80'), {
    name: 'a.b.example.com',
    backends: { '': { endpoints: [{ address: 'a.b.example.com' }] } },
  });
  t.match(target('shop.example.com:80'), { backends: { '': { endpoints: [{ address: '192.0.2.1' }] } } });
  t.equal(target('example.com:80'), null);
});

t.test('clients know what is exported to them; their own namespace comes first, then the older', async (t) => {
  const at = (address: string) => ({ resolution: 'STATIC', endpoints: [{ address }] });
  const hosts = ['shop.example.com'];
  const { target, complaints } = clusterOf(
    entry('younger', { hosts, ...at('192.0.2.1') }, { createdAt: '2026-02-01T00:00:00Z' }),
    entry('older', { hosts, ...at('192.0.2.2') }),
    entry(
      'own',
      { hosts, ...at('192.0.2.3'), exportTo: ['.'] },
      { namespace: 'shop', createdAt: '2026-03-01T00:00:00Z' },
    ),
    entry('nobody', { hosts: ['hidden.example.com'], ...at('192.0.2.4'), exportTo: ['~'] }),
  );
  const seenFrom = (namespace: string) => target('shop.example.com:80', namespace);
  t.match(seenFrom('default'), { backends: { '': { endpoints: [{ address: '192.0.2.2' }] } } });
  t.match(seenFrom('shop'), { backends: { '': { endpoints: [{ address: '192.0.2.3' }] } } });
  t.equal(target('hidden.example.com:80'), null);
  t.ok(complaints.some((text) => text.startsWith('ServiceEntry/default/younger: spec.hosts: has no effect')));
});

t.test('an endpoint that is a pod of the mesh is spoken to over mutual TLS', async (t) => {
  const { target } = clusterOf(
    pod('api-1', '10.244.0.1'),
    entry('vm', { hosts: ['vm.internal'], resolution: 'STATIC', endpoints: [{ address: '10.244.0.1' }] }),
  );
  t.match(target('vm.internal:80'), {
    backends: { '': { endpoints: [{ uid: 'uid-api-1', tls: { mesh: 'weft', mode: 'transparent' } }] } },
  });
});

t.test('a Service of the cluster is never taken over', async (t) => {
  const host = 'api.default.svc.cluster.local';
  const { target } = clusterOf(
    service('api', '10.96.0.1'),
    entry('thief', {
      hosts: [host],
      addresses: ['10.96.0.1'],
      resolution: 'STATIC',
      endpoints: [{ address: '192.0.2.1' }],
    }),
  );
  for (const key of [`${host}:80`, '10.96.0.1:80']) t.same(target(key, 'default')?.backends['']?.endpoints, [], key);
});
