import * as http from 'node:http';
import * as net from 'node:net';
import t, { type Test } from 'tap';

import { endpoint, service, TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** One request of the ingress on `agent`'s connection. */
function request(port: number, headers: http.OutgoingHttpHeaders, agent: http.Agent, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    http
      .request({ host: '127.0.0.1', port, agent, method: 'POST', headers }, async (response) => {
        let text = '';
        for await (const chunk of response.setEncoding('utf8')) text += chunk;
        resolve({ status: response.statusCode!, headers: response.headers, body: text });
      })
      .on('error', reject)
      .end(body);
  });
}

/** An application behind a proxy of its own, that says who it is, what it was asked for, and what it was sent. */
async function meshed(t: Test, name: string): Promise<number> {
  const application = http.createServer(async (incoming, outgoing) => {
    let body = '';
    for await (const chunk of incoming.setEncoding('utf8')) body += chunk;
    outgoing.end(JSON.stringify({ name, body, headers: incoming.headers }));
  });
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
  const proxy = new TestProxy(name, authority);
  t.teardown(() => {
    proxy.close();
    application.close();
    application.closeAllConnections();
  });
  return proxy.listenInbound((application.address() as net.AddressInfo).port);
}

/** The proxy of an ingress that dials the address of a pod of `web`; there is a Service `api` too. */
async function ingress(t: Test) {
  const [web, api] = [await meshed(t, 'web'), await meshed(t, 'api')];
  const proxy = new TestProxy('gateway', authority, { ingress: true });
  const pod = { ...service('web', [endpoint(web, 'web')]), kind: 'pod' as const };
  proxy.outboundDestination = { host: '10.1.0.7', port: 8080 };
  proxy.describe('10.1.0.7:8080', pod);
  proxy.describe('web.shop:80', service('web', [endpoint(web, 'web')]));
  proxy.describe('api.shop:80', service('api', [endpoint(api, 'api')]));
  proxy.describe('api.shop:9000', service('api', [endpoint(api, 'api')]));
  for (const unknown of ['shop.example.com:80', 'absent.shop:80']) proxy.describe(unknown, null);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => {
    agent.destroy();
    proxy.close();
  });
  return { proxy, agent, port: await proxy.listenOutbound() };
}

t.test('each request of one connection finds its target by its authority', async (t) => {
  const { proxy, port, agent } = await ingress(t);
  for (const [host, expected] of [
    ['api.shop', 'api'],
    ['web.shop:80', 'web'],
    ['API.shop.:9000', 'api'],
    ['shop.example.com', 'web'],
    ['10.9.9.9', 'web'],
    ['api.shop', 'api'],
  ] as const) {
    const { status, body } = await request(port, { host }, agent, 'sent');
    t.equal(status, 200, host);
    t.match(JSON.parse(body), { name: expected, body: 'sent', headers: { host } }, host);
  }
  t.ok(!proxy.targets.has('10.9.9.9:80'), 'nobody is asked about an address in an authority');
});

t.test('the header of the ingress wins over the authority, and goes no further', async (t) => {
  const { port, agent } = await ingress(t);
  const headers = { host: 'web.shop', 'l5d-dst-override': 'api.shop:9000' };
  const { body } = await request(port, headers, agent, 'sent');
  t.match(JSON.parse(body), { name: 'api', body: 'sent', headers: { host: 'web.shop' } });
  t.notOk(JSON.parse(body).headers['l5d-dst-override']);
});

t.test('a stranger does not choose the target, though the ingress passes on whatever it is sent', async (t) => {
  const { proxy, port, agent } = await ingress(t);
  const gateway = http.createServer(async ({ headers }, outgoing) => {
    outgoing.end((await request(port, headers, agent)).body);
  });
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  t.teardown(() => gateway.close());
  const inbound = await proxy.listenInbound((gateway.address() as net.AddressInfo).port);
  const headers = { host: 'web.shop', 'l5d-dst-override': 'api.shop:9000', 'l5d-timeout': '1ms' };
  const { body } = await request(inbound, headers, new http.Agent());
  t.match(JSON.parse(body), { name: 'web', headers: { host: 'web.shop' } });
  t.notOk(JSON.parse(body).headers['l5d-timeout'], 'nor how long its own may take');
});

t.test('a header that leads nowhere is refused instead of ignored', async (t) => {
  const { port, agent } = await ingress(t);
  for (const [override, reason] of [
    ['absent.shop', 'target_unknown'],
    ['no target', 'target_invalid'],
  ] as const) {
    const { headers } = await request(port, { host: 'web.shop', 'l5d-dst-override': override }, agent);
    t.equal(headers['weft-proxy-error'], reason);
  }
});

t.test('HTTP to an unknown address finds its target too; what is no HTTP goes to the address', async (t) => {
  const { proxy, port, agent } = await ingress(t);
  const echo = net.createServer((socket) => socket.on('error', () => {}).pipe(socket));
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  t.teardown(() => echo.close());
  const { port: echoPort } = echo.address() as net.AddressInfo;
  proxy.outboundDestination = { host: '127.0.0.1', port: echoPort };
  proxy.describe(`127.0.0.1:${echoPort}`, null);

  t.match(JSON.parse((await request(port, { host: 'api.shop' }, agent)).body), { name: 'api' });
  const heard = await new Promise<string>((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write('\x00octets'));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      resolve(String(chunk));
      socket.destroy();
    });
  });
  t.equal(heard, '\x00octets');
  t.match(proxy.metrics.registry.text(), /weft_proxy_unknown_target_connections_total 2/);
});

t.test('an ordinary proxy follows the original destination and leaves the header alone', async (t) => {
  const agent = new http.Agent();
  const ordinary = new TestProxy('client', authority);
  const web = await meshed(t, 'web');
  ordinary.describe('10.96.0.1:80', service('web', [endpoint(web, 'web')]));
  t.teardown(() => ordinary.close());
  const headers = { host: 'api.shop', 'l5d-dst-override': 'api.shop' };
  const { body } = await request(await ordinary.listenOutbound(), headers, agent);
  t.match(JSON.parse(body), { name: 'web', headers });
});
