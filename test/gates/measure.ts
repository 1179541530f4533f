/**
 * Measures the engine in a process of its own, which gates.suite.ts starts with --expose-gc, --allow-natives-syntax,
 * --trace-deopt and a large young generation; prints JSON as its last line.
 */
import { Forwarding } from './forwarding.ts';

const forwarding = new Forwarding();
const stream = forwarding.open();
const body = new Uint8Array(1000);

const frame = () => {
  stream.sendData(body, 0, body.length, false);
  forwarding.settle();
};
const request = () => forwarding.exchange();

const perFrame = bytesPer(frame, 20_000);
const perRequest = bytesPer(request, 4000);
console.log('steady state');
for (let i = 0; i < 20_000; i++) frame();
for (let i = 0; i < 4000; i++) request();
console.log(JSON.stringify({ perFrame, perRequest, sameShape: haveSameShape() }));

/** Heap octets that one call takes in steady state: the median of several windows without a collection in between. */
function bytesPer(call: () => void, count: number): number {
  for (let i = 0; i < 3 * count; i++) call();
  const windows: number[] = [];
  for (let window = 0; window < 9; window++) {
    gc!();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < count; i++) call();
    windows.push((process.memoryUsage().heapUsed - before) / count);
  }
  return windows.sort((a, b) => a - b)[windows.length >> 1]!;
}

/** Whether streams, and connections of either role, keep the shape that they were made with. */
function haveSameShape(): boolean {
  const same = new Function('a', 'b', 'return %HaveSameMap(a, b)') as (a: object, b: object) => boolean;
  const other = new Forwarding();
  const fresh = other.open();
  return (
    same(fresh, stream) &&
    same(forwarding.upstream.connection, forwarding.server.connection) &&
    same(other.client.connection, forwarding.client.connection)
  );
}
