import t from 'tap';

import { carriageOf, type HttpRules, outgoing, passesTls } from './carriage.ts';

const PROTOCOLS = ['http1', 'http2', 'grpc', 'tls', 'opaque', 'detect'] as const;

function port(rules: Partial<HttpRules>): HttpRules {
  return { protocol: 'detect', hasRoutes: false, hasRateLimit: false, ...rules };
}

t.test('a port that says what it speaks is believed, whatever the octets', async (t) => {
  const carriages = PROTOCOLS.map((protocol) => carriageOf(port({ protocol })));
  t.same(carriages, ['http', 'http', 'http', 'octets', 'octets', 'detect']);
});

t.test('a port with rules for requests carries HTTP alone, unless octets are what it is for', async (t) => {
  for (const rule of [{ hasRoutes: true }, { hasRateLimit: true }]) {
    t.equal(carriageOf(port(rule)), 'http');
    t.equal(carriageOf(port({ ...rule, protocol: 'opaque' })), 'octets');
    t.equal(carriageOf(port({ ...rule, protocol: 'tls' })), 'octets', 'an https port of a Service with a profile');
  }
});

t.test('nothing but a declaration holds for what leaves the pod', async (t) => {
  t.same(
    PROTOCOLS.map((protocol) => carriageOf(outgoing(protocol))),
    ['http', 'http', 'http', 'octets', 'octets', 'detect'],
  );
});

t.test('TLS of the application passes where no HTTP is declared or limited', async (t) => {
  t.same(
    PROTOCOLS.map((protocol) => passesTls(port({ protocol }))),
    [false, false, false, true, true, true],
  );
  t.ok(passesTls(port({ hasRoutes: true })), 'a Service with a profile may have a port of TLS');
  t.notOk(passesTls(port({ hasRateLimit: true })));
});
