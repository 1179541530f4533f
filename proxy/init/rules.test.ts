import t from 'tap';

import { PortRanges } from '../../core/config/port-ranges.ts';
import { restoreInput } from './rules.ts';

const settings = {
  inboundPort: 4143,
  outboundPort: 4140,
  proxyUid: 2102,
  skipInboundPorts: PortRanges.parse('4191') as PortRanges,
  skipOutboundPorts: PortRanges.EMPTY,
  skipSubnets: [],
};

t.test('redirects everything but the proxy, loopback and the admin port', async (t) => {
  t.equal(
    restoreInput(settings, 4, ''),
    `*nat
:WEFT_INBOUND - [0:0]
:WEFT_OUTBOUND - [0:0]
-A WEFT_INBOUND -p tcp -m multiport --dports 4191 -j RETURN
-A WEFT_INBOUND -p tcp -j REDIRECT --to-ports 4143
-A WEFT_OUTBOUND -m owner --uid-owner 2102 -j RETURN
-A WEFT_OUTBOUND -o lo -j RETURN
-A WEFT_OUTBOUND -p tcp -j REDIRECT --to-ports 4140
-A PREROUTING -p tcp -j WEFT_INBOUND
-A OUTPUT -p tcp -j WEFT_OUTBOUND
COMMIT
`,
  );
});

t.test('adds no jump that is there', async (t) => {
  const input = restoreInput(
    settings,
    4,
    '*nat\n-A PREROUTING -p tcp -j WEFT_INBOUND\n-A OUTPUT -p tcp -j WEFT_OUTBOUND\nCOMMIT\n',
  );
  t.notMatch(input, '-A PREROUTING');
  t.notMatch(input, '-A OUTPUT');
});

t.test('gives each family its own subnets', async (t) => {
  const both = { ...settings, skipSubnets: ['10.1.0.0/16', 'fd01::/64'] };
  t.match(restoreInput(both, 4, ''), '-A WEFT_OUTBOUND -d 10.1.0.0/16 -j RETURN');
  t.notMatch(restoreInput(both, 4, ''), 'fd01');
  t.match(restoreInput(both, 6, ''), '-A WEFT_INBOUND -s fd01::/64 -j RETURN');
});

t.test('splits long port lists into what the multiport match takes', async (t) => {
  const ports = PortRanges.parse(
    [...Array.from({ length: 14 }, (_, i) => String(i + 1)), '100-200', '300'].join(','),
  ) as PortRanges;
  const lines = restoreInput({ ...settings, skipInboundPorts: ports }, 4, '')
    .split('\n')
    .filter((line) => line.includes('--dports'));
  t.equal(lines.length, 2);
  t.match(lines[1], '--dports 100:200,300');
});
