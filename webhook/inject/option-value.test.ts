import t from 'tap';

import {
  type OptionValue,
  parseCidrs,
  parseDurationText,
  parsePortNames,
  parsePorts,
  parseQuantityText,
  parseWord,
} from './option-value.ts';

/** A value, or `fault` where there is one. */
const read = (value: OptionValue) => ('value' in value ? value.value : 'fault');

t.test('ports are numbers and ranges', async (t) => {
  t.equal(read(parsePorts('25, 3306,6379-6381')), '25,3306,6379-6381');
  for (const text of ['0', '65536', 'http', '9-8']) t.equal(read(parsePorts(text)), 'fault', text);
});

t.test('or names of container ports, where those are allowed', async (t) => {
  t.equal(read(parsePortNames(' redis ,7000-7010,, 25')), 'redis,7000-7010,25');
  for (const name of ['a', 'a-b-c', '1a', 'abcdefghijklmno']) t.equal(read(parsePortNames(name)), name);
  for (const name of ['A', 'a_b', '-a', 'a-', 'a--b', 'abcdefghijklmnop', '0', '9-8', 'a b'])
    t.equal(read(parsePortNames(name)), 'fault', name);
});

t.test('networks are addresses of either family with the length of a prefix, or alone', async (t) => {
  for (const [text, value] of [
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.0.0.1', '10.0.0.1/32'],
    ['0.0.0.0/0, 255.255.255.255/32', '0.0.0.0/0,255.255.255.255/32'],
    ['fd00::/8', 'fd00::/8'],
    ['::', '::/128'],
    ['::1/128', '::1/128'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8/128'],
    ['1::8', '1::8/128'],
    ['ABCD:ef01::', 'ABCD:ef01::/128'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7::/128'],
    ['', ''],
  ] as const)
    t.equal(read(parseCidrs(text)), value, text);
  for (const text of [
    ...['10.0.0.0/33', 'fd00::/129', '10.0.0.256', '10.0.0', '10.0.0.0.0', '10.0.0.0/', '/8', 'x', '10.0.0.0/8x'],
    ...[
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1::2::3',
      ':::',
      '1:::2',
      '12345::',
      'g::',
      '::1.2.3.4',
      ':',
      '1:',
      ':1',
    ],
    ...[':2:3:4:5:6:7:8', '1:2:3:4:5:6:7:', '1::3:4:5:6:7:8:9:0', '1.2.3.4444'],
  ])
    t.equal(read(parseCidrs(text)), 'fault', text);
});

t.test('quantities are positive numbers with a unit of Kubernetes', async (t) => {
  for (const text of ['1', '0.5', '.5', '100m', '2k', '64Mi', '2Pi', '1e3'])
    t.equal(read(parseQuantityText(text)), text);
  for (const text of ['0', '0Mi', '-1', '', 'x', '1K', '1mi', '1 Mi', 'Mi'])
    t.equal(read(parseQuantityText(text)), 'fault', text);
});

t.test('durations have a unit, words are one of a list', async (t) => {
  t.equal(read(parseDurationText(' 10s ')), '10s');
  t.equal(read(parseDurationText('10')), 'fault');
  t.equal(read(parseWord('a', ['a', 'b'])), 'a');
  t.same(parseWord('c', ['a', 'b']), { fault: 'is none of a, b' });
});
