import t from 'tap';

import type { Fields } from './http2/message.ts';
import { fieldsOfApplication, fieldsOfClient, fieldsOfEndpoint, fieldsOfServer, trailersOf } from './mesh-fields.ts';

const names = (fields: Fields) => fields.filter((_, at) => at % 2 === 0);
const withValues = (...list: string[]) => list.flatMap((name) => [name, 'x']);
const ALL = withValues(
  'accept',
  'l5d-dst-canonical',
  'L5D-Orig-Proto',
  'l5d-client-id',
  'X-Forwarded-Client-Cert',
  'weft-proxy-error',
  'x_trace',
);

t.test('an application does not say what its own proxy says', async (t) => {
  t.same(names(fieldsOfApplication(ALL)), [
    'accept',
    'l5d-client-id',
    'X-Forwarded-Client-Cert',
    'weft-proxy-error',
    'x_trace',
  ]);
});

t.test('a client does not say what its server hears from the proxy', async (t) => {
  for (const identity of ['', 'web.default'])
    t.same(names(fieldsOfClient(ALL, identity)), ['accept', 'weft-proxy-error', 'x_trace']);
});

t.test('a client without an identity does not say what an application says to its own proxy', async (t) => {
  const asked = withValues('L5d-Dst-Override', 'accept', 'l5d-retry-limit', 'X-Envoy-Max-Retries');
  t.same(names(fieldsOfClient(asked, '')), ['accept']);
  t.equal(fieldsOfClient(asked, 'web.default'), asked);
});

t.test('a server does not say that a proxy made its answer', async (t) => {
  t.notOk(names(fieldsOfServer(ALL)).includes('weft-proxy-error'));
  t.equal(fieldsOfServer(ALL).length, ALL.length - 2);
});

t.test('an endpoint’s answer keeps all but what proxies say among themselves', async (t) => {
  const without = (...gone: string[]) => names(ALL).filter((name) => !gone.includes(name));
  t.same(names(fieldsOfEndpoint(ALL, true)), without('L5D-Orig-Proto'));
  t.same(names(fieldsOfEndpoint(ALL, false)), without('L5D-Orig-Proto', 'weft-proxy-error'), 'it has no proxy of ours');
});

t.test('an underscore is heard as a hyphen, in any of its places', async (t) => {
  const twins = [
    'l5d_client_id',
    'l5d-client_id',
    'L5D_Client-Id',
    'x_forwarded_client_cert',
    'Content_Length',
    'transfer-encoding_',
  ];
  t.same(names(fieldsOfClient(withValues(...twins, 'Transfer_Encoding', 'HOST', 'content-length'), '')), [
    'transfer-encoding_',
    'HOST',
    'content-length',
  ]);
});

t.test('trailers frame nothing, prove nothing and say nothing of the mesh', async (t) => {
  const refused = [
    'content-length',
    'Host',
    'authorization',
    'set-cookie',
    'if-match',
    'content-type',
    'content_length',
  ];
  const kept = ['grpc-status', 'grpc-message', 'x-sum', 'Server-Timing', 'digest', 'if'];
  t.same(names(trailersOf([...withValues(...kept), ...withValues(...refused), ...ALL])), [
    ...kept,
    'accept',
    'x_trace',
  ]);
});

t.test('the same list where there is nothing of it', async (t) => {
  const fields = withValues('accept', 'x_trace', 'content-length');
  for (const kept of [fieldsOfApplication, fieldsOfServer]) t.equal(kept(fields), fields);
  for (const identity of ['', 'web.default']) t.equal(fieldsOfClient(fields, identity), fields);
  for (const hasProxy of [true, false]) t.equal(fieldsOfEndpoint(fields, hasProxy), fields);
  const trailers = withValues('grpc-status');
  t.equal(trailersOf(trailers), trailers);
});
