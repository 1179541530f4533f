import t from 'tap';

import type { Backend, Route } from '../../api/routing.ts';
import { NO_HASH } from '../balance/balancer.ts';
import type { RequestHead } from '../http.ts';
import { RoutedRequest } from './routed-request.ts';
import { FakeEndpoints } from './testing/fake-endpoints.ts';

const GET: RequestHead = { method: 'GET', scheme: 'http', authority: 'api', path: '/', protocol: '', fields: [] };
const GRPC = ['content-type', 'application/grpc'];

function routed(head: Partial<RequestHead> = {}, route: Partial<Route> = {}, backend: Partial<Backend> = {}) {
  const { target } = new FakeEndpoints(['10.1.0.1'], route, backend);
  return new RoutedRequest({ ...GET, ...head }, target, '10.0.0.9:40000');
}

t.test('goes as it is to the backend of its route', async (t) => {
  const request = routed();
  t.equal(request.refusal, null);
  t.equal(request.compiled.route.name, 'all');
  t.equal(request.backend.description.port, 80);
  t.equal(request.filters, null);
  t.equal(request.hash, NO_HASH);
  t.equal(request.headAfter(0), request.head);
});

t.test('goes nowhere', async (t) => {
  t.test('where no route takes it and none is to be taken instead', async (t) => {
    const { target } = new FakeEndpoints(['10.1.0.1'], { when: { method: { exact: 'POST' } } });
    t.equal(new RoutedRequest(GET, target, '').refusal, null);
    target.update({ ...target.description, unmatched: 'not-found' });
    t.equal(new RoutedRequest(GET, target, '').refusal?.reason, 'route_not_found');
  });

  t.test('where its upgrade is one that is not offered on', async (t) => {
    t.equal(routed({ method: 'CONNECT', protocol: 'h2c' }).refusal?.reason, 'upgrade_unsupported');
    t.equal(routed({ method: 'CONNECT', protocol: 'websocket' }).refusal, null);
  });
});

t.test('may say itself how it is tried again, where the target allows it', async (t) => {
  const { target } = new FakeEndpoints(['10.1.0.1']);
  const head = { ...GET, fields: ['l5d-retry-http', '5xx', 'x', '1'] };
  t.equal(new RoutedRequest(head, target, '').compiled.route.retry, null);
  target.update({ ...target.description, requestOverrides: 'allowed' });
  const request = new RoutedRequest(head, target, '');
  t.match(request.compiled.route.retry, { limit: 1 });
  t.same(request.head.fields, ['x', '1']);
});

t.test('speaks the version and the gRPC of its head', async (t) => {
  t.match(routed(), { version: 'http2', isGrpc: false });
  t.match(routed({ version: 'HTTP/1.1', fields: GRPC }), { version: 'http1', isGrpc: false });
  t.match(routed({ fields: GRPC }), { version: 'http2', isGrpc: true });
});

t.test('the deadline of a gRPC client is lowered by what has gone of it', async (t) => {
  const request = routed({ fields: [...GRPC, 'grpc-timeout', '1S'] });
  t.equal(request.deadlineMs, 1000);
  t.equal(request.headAfter(0.9), request.head);
  t.same(request.headAfter(400).fields, [...GRPC, 'grpc-timeout', '600m']);
  t.same(request.headAfter(1400).fields, [...GRPC, 'grpc-timeout', '1m']);
  t.equal(routed({ fields: ['grpc-timeout', '1S'] }).deadlineMs, 0, 'it is nobody else’s');
});

t.test('filters change the head that goes on, not the one that came', async (t) => {
  const request = routed({ path: '/a' }, { filters: { requestHeaders: { set: [{ name: 'x', value: '1' }] } } });
  t.same(request.filter(request.filters!).fields, ['x', '1']);
  t.same(request.headAfter(0).fields, ['x', '1']);
  t.same(request.head.fields, []);
});

t.test('an answer goes back', async (t) => {
  t.test('as it is, where nothing changes it', async (t) => {
    const head = { status: 200, fields: ['x', '1'] };
    t.equal(routed().answerHead(head), head);
  });

  t.test('in the case of its version', async (t) => {
    const head = { status: 200, fields: ['X-One', '1'] };
    t.equal(routed({ version: 'HTTP/1.1' }).answerHead(head), head);
    t.same(routed().answerHead(head), { status: 200, fields: ['x-one', '1'] });
  });

  t.test('with the cookie that keeps the client at its endpoint, if it has none', async (t) => {
    const key = { cookie: 'at', ttlMs: 0, path: '' };
    const balancer = { algorithm: 'round-robin', hash: { key, table: 'ring-hash', size: 16 } } as const;
    const fresh = routed({}, {}, { balancer });
    const plain = { status: 200, fields: [] };
    t.match(fresh.answerHead(plain).fields, ['set-cookie', /^at=[\w-]+; HttpOnly$/]);
    t.not(fresh.hash, NO_HASH);
    const known = routed({ fields: ['cookie', 'at=x'] }, {}, { balancer });
    t.equal(known.answerHead(plain), plain);
    t.equal(known.hash, routed({ fields: ['cookie', 'at=x'] }, {}, { balancer }).hash);
  });
});
