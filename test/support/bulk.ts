import * as http from 'node:http';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

/** An application that takes a body and answers how many octets it had (`PUT /`), or sends one (`GET /<octets>`). */
export interface BulkApplication {
  readonly port: number;
  close(): void;
}

/** Starts one that speaks HTTP/1.1 or HTTP/2. */
export async function startBulkApplication(protocol: 'http1' | 'http2'): Promise<BulkApplication> {
  const answer = async (request: Request, response: Response) => {
    if (request.method === 'PUT') return void response.end(String(await countOf(request)));
    const octets = Number(request.url!.slice(1));
    response.setHeader('content-length', octets);
    source(octets).pipe(response as http.ServerResponse);
  };
  const server =
    protocol === 'http1'
      ? http.createServer(answer)
      : http2.createServer({ settings: { initialWindowSize: WINDOW } }, answer);
  if (protocol === 'http2') server.on('session', (session: http2.Http2Session) => session.setLocalWindowSize(WINDOW));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

type Request = http.IncomingMessage | http2.Http2ServerRequest;
type Response = http.ServerResponse | http2.Http2ServerResponse;

/** Sends a body of so many octets. @returns how many the application says that it took */
export async function upload(protocol: 'http1' | 'http2', port: number, octets: number): Promise<number> {
  const headers = { 'content-length': octets };
  if (protocol === 'http1') {
    const request = http.request({ host: '127.0.0.1', port, method: 'PUT', path: '/', agent: false, headers });
    source(octets).pipe(request);
    const [response] = (await new Promise((resolve, reject) => {
      request.on('response', (...all) => resolve(all));
      request.on('error', reject);
    })) as [http.IncomingMessage];
    return Number(await textOf(response));
  }
  return onSession(port, async (session) => {
    const stream = session.request({ ':method': 'PUT', ':path': '/', ...headers });
    source(octets).pipe(stream);
    return Number(await textOf(stream));
  });
}

/** Asks for a body of so many octets. @returns how many came */
export async function download(protocol: 'http1' | 'http2', port: number, octets: number): Promise<number> {
  if (protocol === 'http1') {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get({ host: '127.0.0.1', port, path: `/${octets}`, agent: false }, resolve).on('error', reject);
    });
    return countOf(response);
  }
  return onSession(port, (session) => countOf(session.request({ ':path': `/${octets}` })));
}

async function onSession<T>(port: number, use: (session: http2.ClientHttp2Session) => Promise<T>): Promise<T> {
  const session = http2.connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: WINDOW } });
  session.on('connect', () => session.setLocalWindowSize(WINDOW));
  try {
    return await use(session);
  } finally {
    session.destroy();
  }
}

/** Octets that one end lets the other send; more than Node's 64 KiB, so that it is the proxies' windows that bound memory. */
const WINDOW = 1 << 20;

/** A body of so many octets. */
function source(octets: number): Readable {
  let left = octets;
  return new Readable({
    highWaterMark: PIECE.length,
    read() {
      if (left === 0) return void this.push(null);
      const take = Math.min(left, PIECE.length);
      left -= take;
      this.push(PIECE.subarray(0, take));
    },
  });
}

const PIECE = Buffer.alloc(256 * 1024, 'weft');

async function countOf(body: Readable): Promise<number> {
  let octets = 0;
  body.on('data', (piece: Buffer) => {
    octets += piece.length;
  });
  await finished(body, { writable: false });
  return octets;
}

async function textOf(body: Readable): Promise<string> {
  let text = '';
  body.on('data', (piece) => {
    text += piece;
  });
  await finished(body, { writable: false });
  return text;
}
