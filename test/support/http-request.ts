import * as http from 'node:http';

/** An answer, read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly trailers: NodeJS.Dict<string>;
  readonly body: Buffer;
  /** From the request to the end of the answer. */
  readonly tookMs: number;
}

/** Makes one HTTP/1.1 request, for `api`, on a connection of its own unless an agent is given. Rejects when it is cut off. */
export function request(port: number, options: http.RequestOptions = {}, body?: Buffer | string): Promise<Answer> {
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    const made = http.request(
      { host: '127.0.0.1', port, agent: false, headers: { host: 'api' }, ...options },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            trailers: response.trailers,
            body: Buffer.concat(chunks),
            tookMs: performance.now() - startMs,
          }),
        );
        response.on('error', reject);
      },
    );
    made.on('error', reject);
    made.end(body);
  });
}
