import t from 'tap';

import { systemClock } from '../../core/time/clock.ts';
import { FailureLog } from '../admin/failure-log.ts';
import { Discovery } from '../control/discovery.ts';
import type { RequestHead, ServerStream } from '../http.ts';
import { Log } from '../log.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { Loopback } from '../transport/loopback.ts';
import { MutualTls } from '../transport/mutual-tls.ts';
import { Ingress } from './ingress.ts';
import { NamedTargets } from './named-targets.ts';
import { targetFault } from './target-fault.ts';
import { Targets } from './targets.ts';

t.test('asks about so many names that nobody knows and no more', async (t) => {
  const asked: string[] = [];
  const discovery = new Discovery({
    clock: systemClock,
    faultOf: targetFault,
    onInbound() {},
    onTrust() {},
    onExceeded() {},
  });
  discovery.use({
    subscribe(target) {
      asked.push(target);
      queueMicrotask(() =>
        discovery.onMessage({ type: 'snapshot', target, version: '1', requires: [], outbound: null }),
      );
    },
    unsubscribe() {},
  });
  const metrics = new Metrics();
  const log = new Log('silent');
  const loopback = new Loopback([], () => {});
  const endpoints = { mutualTls: new MutualTls(() => Date.now()), metrics, log, connectTimeoutMs: 10, loopback };
  const context = { metrics, failures: new FailureLog(), clock: systemClock, random: Math.random };
  const ingress = new Ingress(
    new NamedTargets(new Targets(discovery, endpoints, { failureOf: () => null }), context),
    context,
    endpoints,
  );
  const stream: ServerStream = {
    sendResponse() {},
    sendData: () => 0,
    sendTrailers() {},
    refuseRest() {},
    reset() {},
    grant() {},
  };
  const refused: RequestHead = {
    method: 'GET',
    scheme: 'http',
    path: '/',
    protocol: '',
    authority: 'gateway',
    fields: [],
    version: 'HTTP/1.1',
  };
  const ask = async (host: string) => {
    ingress.request(stream, { ...refused, fields: ['L5D-Dst-Override', host] }, true, null!, '');
    await new Promise((resolve) => setImmediate(resolve));
  };
  for (let n = 0; n < 1005; n++) await ask(`host-${n}`);
  t.equal(asked.length, 1000);
  await ask('Host-1.');
  t.equal(asked.length, 1000, 'a name that was asked about is remembered, however it is spelt');
});
