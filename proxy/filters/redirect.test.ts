import t from 'tap';

import type { Redirect } from '../../api/filters.ts';
import { redirectLocation } from './redirect.ts';

const location = (redirect: Omit<Redirect, 'status'>, authority = 'api:8080', scheme = 'http', servicePort = 81) =>
  redirectLocation(
    { status: 302, ...redirect },
    { method: 'GET', scheme, authority, path: '/p', protocol: '', fields: [], version: 'HTTP/1.1' },
    servicePort,
    (path) => `${path}!`,
  );

t.test('a redirect that says nothing leads back, with the path rewritten', async (t) => {
  t.equal(location({}), 'http://api:8080/p!');
  t.equal(location({}, 'api'), 'http://api:81/p!', 'the port of the Service');
  t.equal(location({}, 'api', 'http', 80), 'http://api/p!', 'but for the scheme’s own');
  t.equal(location({}, 'api:443', 'https'), 'https://api/p!');
  t.equal(location({}, 'api:8080', ''), 'http://api:8080/p!', 'without a scheme it is http');
  t.equal(location({}, '[::1]:8080'), 'http://[::1]:8080/p!');
  t.equal(location({}, '[::1]'), 'http://[::1]:81/p!');
});

t.test('another scheme has its own port, unless one is said', async (t) => {
  t.equal(location({ scheme: 'https' }), 'https://api/p!');
  t.equal(location({ scheme: 'https', port: 443 }), 'https://api/p!');
  t.equal(location({ scheme: 'https', port: 80 }), 'https://api:80/p!');
  t.equal(location({ scheme: 'https', port: 'scheme' }), 'https://api/p!');
  t.equal(location({ scheme: 'https', port: 'request' }), 'https://api:8080/p!');
  t.equal(location({ port: 'scheme' }), 'http://api/p!');
});

t.test('another host keeps the port', async (t) => {
  t.equal(location({ host: 'web' }), 'http://web:8080/p!');
  t.equal(location({ host: 'web', port: 80 }), 'http://web/p!');
});
