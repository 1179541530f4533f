import { request as httpRequest } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

import type { Shown } from './listener.ts';

/** How calls went. Times in milliseconds, of those that succeeded; NaN where none did. */
export interface Calls {
  readonly made: number;
  readonly succeeded: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

/** Calls a server for so long, as clients with an address each and a connection for each call, as pods that start are. */
export async function callFor(shown: Shown, ms: number): Promise<Calls> {
  const until = performance.now() + ms;
  const took: number[] = [];
  let made = 0;
  const caller = async (from: string) => {
    while (performance.now() < until) {
      const begun = performance.now();
      made++;
      if (await call(shown, from)) took.push(performance.now() - begun);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  await Promise.all(CLIENTS.map(caller));
  took.sort((a, b) => a - b);
  const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? Number.NaN;
  return { made, succeeded: took.length, p50: at(0.5), p99: at(0.99), worst: took.at(-1) ?? Number.NaN };
}

/** Whether a call was answered well and in time. */
function call(shown: Shown, localAddress: string): Promise<boolean> {
  return shown.protocol === 'h2' ? callHttp2(shown, localAddress) : callHttp1(shown, localAddress);
}

function callHttp1({ port, servername, tls, method, path, body }: Shown, localAddress: string): Promise<boolean> {
  return new Promise((resolve) => {
    const options = {
      ...{ host: '127.0.0.1', port, localAddress, path, method, agent: false as const },
      headers: { host: 'localhost', ...(body !== '' && { 'content-type': 'application/json' }) },
      signal: AbortSignal.timeout(DEADLINE_MS),
    };
    const request = tls ? httpsRequest({ ...options, ca: tls.ca, servername }) : httpRequest(options);
    request.on('response', (response) => {
      response.resume();
      response.once('close', () => resolve(response.complete && response.statusCode === 200));
    });
    request.on('error', () => resolve(false)).end(body);
  });
}

function callHttp2({ port, servername, tls, method, path, body }: Shown, localAddress: string): Promise<boolean> {
  return new Promise((resolve) => {
    const { ca, cert, key } = tls!;
    const session = connectHttp2(`https://127.0.0.1:${port}`, {
      createConnection: () =>
        connectTls({
          host: '127.0.0.1',
          port,
          localAddress,
          servername,
          ca,
          cert,
          key,
          ALPNProtocols: ['h2'],
        } as ConnectionOptions),
    });
    const deadline = setTimeout(() => done(false), DEADLINE_MS);
    const done = (isGood: boolean) => {
      clearTimeout(deadline);
      resolve(isGood);
      session.destroy();
    };
    session.on('error', () => done(false));
    const stream = session.request({ ':method': method, ':path': path, 'content-type': 'application/x-ndjson' });
    stream.on('error', () => done(false));
    stream.once('data', () => done(true));
    stream.write(body);
  });
}

const CLIENTS = ['127.0.1.1', '127.0.1.2', '127.0.1.3', '127.0.1.4'];
const PAUSE_MS = 10;
/** The API server gives a review 5 s. */
const DEADLINE_MS = 5_000;
