import type { Test } from 'tap';

import type { ClientStream, RequestHead, StreamListener } from '../../http.ts';
import { dial } from '../dialer.ts';
import { type HttpPool, type PoolOptions, unbounded } from '../http-pool.ts';

/** A pool's way to a server of the test on this machine, in the clear. */
export function poolOptions(port: number, idleMs: number): PoolOptions {
  return {
    dial: () => dial('127.0.0.1', port),
    connected: 'connect',
    connectTimeoutMs: 1000,
    idleMs,
    bounds: unbounded(),
    keepCase: false,
    prologue: Buffer.alloc(0),
    onOpened() {},
    onClosed() {},
    signsOfLife: null,
    onLimit() {},
  };
}

/** Sends a request of a GET for `/` on a stream of the pool. @returns the status of the answer; rejects where there is none */
export function askPool(pool: HttpPool, version: RequestHead['version']): Promise<number> {
  const head = { method: 'GET', scheme: 'http', authority: 'a', path: '/', protocol: '', version, fields: [] };
  return new Promise<number>((resolve, reject) => {
    const listener = {
      onResponse: ({ status }: { status: number }) => setImmediate(() => resolve(status)),
      onReset: (code: number) => reject(new Error(`reset ${code}`)),
      onInformational() {},
      onData() {},
      onTrailers() {},
      onSent() {},
    } as unknown as StreamListener;
    pool.acquire({
      cancelled: false,
      listener,
      onStream: (stream: ClientStream) => stream.sendRequest(head as Parameters<ClientStream['sendRequest']>[0], true),
      onUnavailable: reject,
    });
  });
}

/** The program is stopped for a while: time passes, nothing runs, and what comes meanwhile waits in its sockets. */
export function stopFor(t: Test, ms: number): void {
  const { now } = performance;
  t.intercept(performance, 'now', { value: () => now.call(performance) + ms });
}
