import t from 'tap';

import { formatDuration, parseDuration } from './duration.ts';
import { ConfigError, Environment } from './environment.ts';
import { PortRanges } from './port-ranges.ts';
import { formatSocketAddress, parseSocketAddress } from './socket-address.ts';

t.test('reads durations', async (t) => {
  for (const [text, ms] of [
    ['10s', 10_000],
    ['300ms', 300],
    ['1m30s', 90_000],
    ['1.5s', 1500],
    ['24h', 86_400_000],
    ['0', 0],
    ['10', null],
    ['-1s', null],
    ['', null],
    ['s', null],
  ] as const) {
    t.equal(parseDuration(text), ms, `"${text}"`);
  }
  t.equal(formatDuration(90_000), '90s');
  t.equal(formatDuration(1500), '1500ms');
});

t.test('reads port ranges and names the entry that is wrong', async (t) => {
  const ports = PortRanges.parse('25, 3306,6379-6381,');
  if (typeof ports === 'string') throw new Error(ports);
  t.ok(ports.has(6380));
  t.notOk(ports.has(6382));
  t.equal(ports.toString(), '25,3306,6379-6381');
  for (const wrong of ['0', '65536', '9-3', 'http', '1-2-3']) {
    t.match(PortRanges.parse(`80,${wrong}`), `"${wrong}"`);
  }
});

t.test('reads socket addresses of both families and names', async (t) => {
  t.same(parseSocketAddress('[::1]:80'), { host: '::1', port: 80 });
  t.same(parseSocketAddress('weft-identity.weft:8443'), { host: 'weft-identity.weft', port: 8443 });
  for (const wrong of ['80', '::1:80', '1.2.3.4', '1.2.3.4:65536', '[1.2.3.4]:80', 'a b:1']) {
    t.equal(parseSocketAddress(wrong), null, wrong);
  }
  t.equal(formatSocketAddress('::1', 80), '[::1]:80');
});

t.test('collects every problem of an environment before it fails', async (t) => {
  const environment = new Environment({ WAIT: 'soon', LEVEL: 'loud', PORTS: '99999', ADDRESS: 'nowhere' });
  environment.duration('WAIT', 1);
  environment.oneOf('LEVEL', ['info', 'debug'], 'info');
  environment.ports('PORTS', '');
  environment.address('ADDRESS');
  environment.text('NAME');
  t.throws(() => environment.check(), ConfigError);
  try {
    environment.check();
  } catch (error) {
    t.equal((error as ConfigError).problems.length, 5);
  }
});
