/** What the hot path may cost: heap per frame, request and choice of a route, deoptimisations, object shapes. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

/** A frame is forwarded without allocation: the smallest object would be 12 octets, and measuring takes less than one. */
const MAX_BYTES_PER_FRAME = 4;

/** Path and host are taken as they are; where one has a query or port, what is cut out of it is a new text. */
const MAX_BYTES_PER_CHOICE = 4;

/** Four connections: client, both sides of the proxy, server. */
const MAX_BYTES_PER_REQUEST = 1_600;

/** Of the layers of the outbound side alone, with a rule for retries that is not needed: 1,205 when this was written. */
const MAX_BYTES_PER_OUTBOUND_REQUEST = 1_500;

const { stdout, stderr, status } = spawnSync(
  process.execPath,
  [
    '--expose-gc',
    '--allow-natives-syntax',
    '--trace-deopt',
    // No collection within a window, so that growth of the heap is what was allocated.
    '--min-semi-space-size=64',
    '--max-semi-space-size=64',
    join(fileURLToPath(import.meta.url), '../gates/measure.ts'),
  ],
  { encoding: 'utf8', maxBuffer: 1 << 26 },
);
const lines = stdout.trimEnd().split('\n');
const measured = status === 0 ? (JSON.parse(lines.at(-1)!) as Record<string, number | boolean>) : {};
const { perFrame, perRequest, perChoice, perOutbound, sameShape } = measured as {
  perFrame: number;
  perRequest: number;
  perChoice: number;
  perOutbound: number;
  sameShape: boolean;
};

t.test('forwards a DATA frame without allocation', async (t) => {
  t.equal(status, 0, stderr);
  t.comment(`${perFrame.toFixed(2)} octets of heap a frame`);
  t.ok(perFrame < MAX_BYTES_PER_FRAME, `${perFrame} octets a frame`);
});
t.test('forwards a request with a stated number of octets', async (t) => {
  t.comment(`${perRequest.toFixed(0)} octets of heap a request through four connections`);
  t.ok(perRequest < MAX_BYTES_PER_REQUEST, `${perRequest} octets a request`);
});
t.test('chooses a route without allocation', async (t) => {
  t.comment(`${perChoice.toFixed(2)} octets of heap a choice`);
  t.ok(perChoice < MAX_BYTES_PER_CHOICE, `${perChoice} octets a choice`);
});
t.test('decides on a request on its way out with a stated number of octets', async (t) => {
  t.comment(`${perOutbound.toFixed(0)} octets of heap a request through the outbound layers`);
  t.ok(perOutbound < MAX_BYTES_PER_OUTBOUND_REQUEST, `${perOutbound} octets a request`);
});
t.test('deoptimises nothing of the engine in steady state', async (t) => {
  t.ok(lines.includes('steady state'));
  const steady = lines.slice(lines.indexOf('steady state'));
  t.same(
    // The measuring program's own loop has no name.
    steady.filter((line) => /^\[bailout .*<JSFunction \w/.test(line)),
    [],
  );
});
t.test('keeps the shapes of streams and connections', async (t) => {
  t.equal(sameShape, true);
});
