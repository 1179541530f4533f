/**
 * Measures the engine, the choice of routes and the outbound layers in a process of its own, which gates.suite.ts starts
 * with --expose-gc, --allow-natives-syntax, --trace-deopt and a large young generation; prints JSON as its last line.
 */

import type { Predicate } from '../../api/predicate.ts';
import type { Route } from '../../api/routing.ts';
import type { RequestView } from '../../proxy/routing/predicate.ts';
import { RouteTable } from '../../proxy/routing/route-table.ts';
import { Forwarding } from './forwarding.ts';
import { OutboundRequests } from './outbound-requests.ts';

const forwarding = new Forwarding();
const stream = forwarding.open();
const body = new Uint8Array(1000);

const frame = () => {
  stream.sendData(body, 0, body.length, false);
  forwarding.settle();
};
const request = () => forwarding.exchange();

const layers = new OutboundRequests();
const outbound = () => layers.exchange();

const routes = mixedRoutes();
const heads = mixedHeads();
let choices = 0;
const choice = () => routes.find(heads[choices++ % heads.length]!);

const perFrame = bytesPer(frame, 20_000);
const perRequest = bytesPer(request, 4000);
const perChoice = bytesPer(choice, 20_000);
const perOutbound = bytesPer(outbound, 4000);
// The outbound layers are left out: they read the clock, and where time alone takes another way code may be made anew.
console.log('steady state');
for (let i = 0; i < 20_000; i++) frame();
for (let i = 0; i < 4000; i++) request();
for (let i = 0; i < 20_000; i++) choice();
console.log(JSON.stringify({ perFrame, perRequest, perChoice, perOutbound, sameShape: haveSameShape() }));

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

/** 300 routes that are found in each of the ways that routes are found. */
function mixedRoutes(): RouteTable {
  const predicates = Array.from({ length: 50 }, (_, i): Predicate[] => [
    { path: { exact: `/exact/${i}` } },
    { path: { segments: `/segments/${i}` } },
    { path: { regex: `/regex/[^/]+/${i}` } },
    { all: [{ path: { prefix: '/header' } }, { header: 'x-version', value: { exact: `v${i}` } }] },
    { all: [{ authority: { exact: `svc-${i}.example.com` } }, { not: { method: { exact: 'GET' } } }] },
    { query: 'version', value: { exact: `${i}` } },
  ]).flat();
  return new RouteTable(
    predicates.map(
      (when): Route => ({ name: '', when, split: [], timeouts: {}, retry: null, classes: [], origin: '' }),
    ),
  );
}

function mixedHeads(): RequestView[] {
  return Array.from({ length: 50 }, (_, i) => [
    { method: 'GET', path: `/exact/${i}` },
    { method: 'GET', path: `/segments/${i}/x` },
    { method: 'GET', path: `/regex/some-user/${i}` },
    { method: 'GET', path: '/header' },
    { method: 'POST', path: '/other' },
  ])
    .flat()
    .map((head, i) => ({
      ...head,
      authority: `svc-${i % 50}.example.com`,
      scheme: 'http',
      fields: ['accept', '*/*', 'x-version', `v${i % 50}`],
    }));
}
