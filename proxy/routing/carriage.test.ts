import t from 'tap';

import { carriageOf, isLookedAtAgain } from './carriage.ts';

t.test('a port that says what it speaks is believed, whatever the octets', async (t) => {
  const carriages = ['http1', 'http2', 'grpc', 'tls', 'opaque', 'detect'] as const;
  t.same(carriages.map(carriageOf), ['http1', 'http2', 'http2', 'octets', 'octets', 'detect']);
});

t.test('octets to a port with HTTP rules are looked at again, unless octets are what it is for', async (t) => {
  t.ok(isLookedAtAgain({ protocol: 'detect', hasRoutes: true, hasRateLimit: false }));
  t.notOk(isLookedAtAgain({ protocol: 'detect', hasRoutes: false, hasRateLimit: false }));
  t.ok(isLookedAtAgain({ protocol: 'detect', hasRoutes: false, hasRateLimit: true }));
  t.notOk(isLookedAtAgain({ protocol: 'opaque', hasRoutes: true, hasRateLimit: false }));
  t.notOk(
    isLookedAtAgain({ protocol: 'tls', hasRoutes: true, hasRateLimit: false }),
    'an https port of a Service with a profile',
  );
});
