import t from 'tap';

import { parseQuantity } from './quantity.ts';

t.test('reads a quantity in thousandths', async (t) => {
  for (const [value, thousandths] of [
    [0, 0],
    [1, 1000],
    [0.5, 500],
    ['1', 1000],
    ['1.', 1000],
    ['.5', 500],
    ['0.029', 29],
    ['500m', 500],
    ['2k', 2_000_000],
    ['1M', 1e9],
    ['1Ki', 1_024_000],
    ['64Mi', 67_108_864_000],
    ['1e3', 1_000_000],
    ['1E', 1e21],
    ['15e-1', 1500],
    ['2G', 2e12],
    ['2T', 2e15],
    ['2P', 2e18],
    ['2Gi', 2_147_483_648_000],
    ['2Ti', 2_199_023_255_552_000],
  ] as const) {
    t.equal(parseQuantity(value), thousandths, String(value));
  }
});

t.test('rounds what is less than a thousandth up to one', async (t) => {
  for (const value of ['1u', '1n', '0.0001', 0.0001]) t.equal(parseQuantity(value), 1, String(value));
  t.equal(parseQuantity('1001u'), 2);
});

t.test('says of anything else that it is no quantity', async (t) => {
  for (const value of [
    '',
    ' 1',
    '-1',
    '+1',
    'm',
    '1K',
    '1mi',
    '1.2.3',
    '1e',
    'NaN',
    'Infinity',
    -1,
    NaN,
    null,
    {},
    [1],
  ])
    t.equal(parseQuantity(value), null, JSON.stringify(value));
});
