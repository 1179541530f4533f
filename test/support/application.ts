import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';

import type { Backend, OutboundTarget } from '../../api/routing.ts';
import type { OutlierDetection } from '../../api/traffic-policy.ts';
import { service, type TestAuthority, TestProxy } from './mesh.ts';

/** A server that says who it is, and what it has heard. */
export class Application {
  readonly heard: http.IncomingMessage[] = [];
  readonly bodies: string[] = [];
  answer: http.RequestListener = (_, response) => void response.end('ok');
  port = 0;

  static async start(t: Test, answer?: http.RequestListener): Promise<Application> {
    const application = new Application();
    if (answer) application.answer = answer;
    const server = http.createServer((incoming, outgoing) => {
      application.heard.push(incoming);
      let body = '';
      incoming.on('data', (chunk) => {
        body += chunk;
      });
      incoming.on('end', () => application.bodies.push(body));
      application.answer(incoming, outgoing);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    application.port = (server.address() as AddressInfo).port;
    t.teardown(() => {
      server.close();
      server.closeAllConnections();
    });
    return application;
  }
}

/** Answers a status, and nothing else. */
export function status(code: number, headers: http.OutgoingHttpHeaders = {}): http.RequestListener {
  return (_, response) => void response.writeHead(code, headers).end();
}

/** Answers nothing. */
export const never: http.RequestListener = () => {};

/** A client's proxy that is told of a Service with these backends; the first is the Service's own. */
export async function proxyOf(
  t: Test,
  authority: TestAuthority,
  backends: Record<string, Partial<Backend>>,
  options: Partial<OutboundTarget> = {},
) {
  const proxy = new TestProxy('frontend', authority);
  const whole = Object.fromEntries(
    Object.entries(backends).map(([key, backend]) => [
      key,
      { service: key || 'api', port: 80, endpoints: [], ...backend },
    ]),
  );
  proxy.describe('10.96.0.1:80', service('api', [], { backends: whole, ...options }));
  t.teardown(() => proxy.close());
  return { proxy, port: await proxy.listenOutbound() };
}

/** Three failures in a row take an endpoint out, up to half of them. */
export const THREE_IN_A_ROW: OutlierDetection = {
  kind: 'outlier-detection',
  consecutive5xx: 3,
  consecutiveGatewayErrors: 0,
  consecutiveLocalFailures: 0,
  splitsLocalOrigin: false,
  intervalMs: 1000,
  baseEjectionMs: 2000,
  maxEjectionMs: 2000,
  maxEjectionPercent: 50,
  minHealthPercent: 0,
};
