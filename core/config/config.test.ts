import t from 'tap';

import { type ConfigError, readEnvironment, setting } from './environment.ts';
import { PortRanges } from './port-ranges.ts';
import { ADDRESS, ADDRESSES, DURATION, durationBetween, LIST, oneOf, PORTS, TEXT } from './setting-kinds.ts';
import { formatSocketAddress, parseSocketAddress } from './socket-address.ts';

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
  const settings = {
    wait: setting('WAIT', DURATION, '1s', ''),
    life: setting('LIFE', durationBetween(1000, 60_000), '10s', ''),
    level: setting('LEVEL', oneOf(['info', 'debug']), 'info', ''),
    ports: setting('PORTS', PORTS, '', ''),
    address: setting('ADDRESS', ADDRESS, 'a:1', ''),
    more: setting('MORE', ADDRESSES, '', ''),
    name: setting('NAME', TEXT, null, ''),
    list: setting('LIST', LIST, '', ''),
  };
  const variables = {
    WAIT: 'soon',
    LIFE: '1h',
    LEVEL: 'loud',
    PORTS: '99999',
    ADDRESS: 'nowhere',
    MORE: 'a:1,b',
    NAME: '',
  };
  try {
    readEnvironment(settings, variables, ({ list }, problem) => {
      if (list?.length === 0) problem('list', 'is empty');
    });
    t.fail('it is wrong');
  } catch (error) {
    t.same((error as ConfigError).problems, [
      'WAIT "soon" is no duration such as 300ms, 10s or 24h',
      'LIFE must be from 1s to 60s',
      'LEVEL "loud" is none of info, debug',
      'PORTS "99999" is no port (1 to 65535) or range (from-to)',
      'ADDRESS "nowhere" is no host:port',
      'MORE "b" is no host:port',
      'NAME is not set',
      'LIST is empty',
    ]);
  }
});

t.test('a list of addresses may be none, against its fallback', async (t) => {
  const settings = { listen: setting('LISTEN', ADDRESSES, '[::]:3', '') };
  t.same(readEnvironment(settings, {}).listen, [{ host: '::', port: 3 }]);
  t.same(readEnvironment(settings, { LISTEN: '127.0.0.1:1,[::1]:2' }).listen, [
    { host: '127.0.0.1', port: 1 },
    { host: '::1', port: 2 },
  ]);
  t.same(readEnvironment(settings, { LISTEN: 'none' }).listen, []);
});

t.test('an unset or empty variable has its fallback, which may name others', async (t) => {
  const settings = {
    address: setting('ADDRESS', ADDRESS, 'identity.$(NAMESPACE):80', ''),
    namespace: setting('NAMESPACE', TEXT, 'weft', ''),
    list: setting('LIST', LIST, 'a, b', ''),
  };
  t.same(readEnvironment(settings, { ADDRESS: '' }), {
    address: { host: 'identity.weft', port: 80 },
    namespace: 'weft',
    list: ['a', 'b'],
  });
  t.match(readEnvironment(settings, { NAMESPACE: 'mesh', LIST: 'c' }), {
    address: { host: 'identity.mesh' },
    list: ['c'],
  });
});
