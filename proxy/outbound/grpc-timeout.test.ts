import t from 'tap';

import { grpcTimeoutMs, withGrpcTimeout } from './grpc-timeout.ts';

t.test('reads every unit, rounded up to a millisecond', async (t) => {
  const read = (value: string) => grpcTimeoutMs(['grpc-timeout', value]);
  t.equal(read('2H'), 7_200_000);
  t.equal(read('3M'), 180_000);
  t.equal(read('4S'), 4000);
  t.equal(read('5m'), 5);
  t.equal(read('6500u'), 7);
  t.equal(read('2000001n'), 3);
  t.equal(read('1n'), 1);
  t.equal(read('99999999m'), 99_999_999);
});

t.test('takes what is none for none', async (t) => {
  t.equal(grpcTimeoutMs([]), 0);
  for (const value of ['', '5', 'S', '5s', '5h', '-5S', '1.5S', '123456789S', ' 5S'])
    t.equal(grpcTimeoutMs(['grpc-timeout', value]), 0, value);
});

t.test('writes what is left, of eight digits at most, and at least a millisecond', async (t) => {
  const left = (ms: number) => withGrpcTimeout(['a', '1', 'Grpc-Timeout', '9H', 'b', '2'], ms);
  t.same(left(1500.9), ['a', '1', 'Grpc-Timeout', '1500m', 'b', '2']);
  t.same(left(0.2), ['a', '1', 'Grpc-Timeout', '1m', 'b', '2']);
  t.same(left(-3), ['a', '1', 'Grpc-Timeout', '1m', 'b', '2']);
  t.same(left(99_999_999)[3], '99999999m');
  t.same(left(100_000_000)[3], '100000S');
  t.same(withGrpcTimeout(['a', '1'], 5), ['a', '1'], 'where there is one');
});
