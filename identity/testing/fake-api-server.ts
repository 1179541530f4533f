import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { ApiClient, type Json } from '../../core/kubernetes/api-client.ts';

/** An API server of one map over real HTTP: gets, creates, merges, lists, and holds watches open without an event. */
export class FakeApiServer {
  /** Objects by path. */
  readonly objects = new Map<string, Json>();
  /** `METHOD path` of every request but those of lists and watches. */
  readonly requests: string[] = [];
  /** Answers that come before any other, by method: status and reason, used up one by one. */
  readonly failures: { method: string; status: number; reason: string; message?: string }[] = [];
  /** The status that a TokenReview gets, or a promise of it. */
  review: (spec: Json) => Json = () => ({ authenticated: false });
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));
  #version = 1;

  /** @returns its URL */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A client of it, once it listens. */
  client(): ApiClient {
    const server = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return new ApiClient({ server, options: async () => ({}) });
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  put(path: string, object: Json): void {
    this.objects.set(path, { ...object, metadata: { ...object.metadata, resourceVersion: `${this.#version++}` } });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { pathname, searchParams } = new URL(request.url!, 'http://api');
    const method = request.method!;
    const isCollection = searchParams.has('limit') || searchParams.has('watch');
    if (searchParams.has('watch')) return void response.writeHead(200).flushHeaders();
    if (!isCollection) this.requests.push(`${method} ${pathname}`);
    const failure = isCollection ? undefined : this.failures.find((each) => each.method === method);
    if (failure) {
      this.failures.splice(this.failures.indexOf(failure), 1);
      return fail(response, failure.status, failure.reason, failure.message ?? failure.reason);
    }
    const body = text === '' ? null : JSON.parse(text);
    if (isCollection) return reply(response, 200, this.#list(pathname));
    if (method === 'POST' && pathname.endsWith('/tokenreviews'))
      return reply(response, 201, { ...body, status: await this.review(body.spec) });
    if (method === 'POST') return this.#create(`${pathname}/${body.metadata.name}`, body, response);
    const found = this.objects.get(pathname);
    if (!found) return fail(response, 404, 'NotFound', `${pathname} is not there`);
    if (method === 'PATCH') this.put(pathname, { ...found, data: { ...found.data, ...body.data } });
    reply(response, 200, this.objects.get(pathname));
  }

  #list(collection: string): Json {
    const items = [...this.objects]
      .filter(([path]) => path.startsWith(`${collection}/`) && !path.slice(collection.length + 1).includes('/'))
      .map(([, object]) => object);
    return { kind: 'List', metadata: { resourceVersion: `${this.#version}` }, items };
  }

  /** As the real one, it keeps the texts of `stringData` as base64. */
  #create(path: string, { stringData, ...object }: Json, response: ServerResponse): void {
    if (this.objects.has(path)) return fail(response, 409, 'AlreadyExists', `${path} is there`);
    const encoded = Object.entries(stringData ?? {}).map(([name, value]) => [
      name,
      Buffer.from(value as string).toString('base64'),
    ]);
    this.put(path, stringData ? { ...object, data: Object.fromEntries(encoded) } : object);
    reply(response, 201, this.objects.get(path));
  }
}

function reply(response: ServerResponse, status: number, body: Json): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function fail(response: ServerResponse, code: number, reason: string, message: string): void {
  reply(response, code, { kind: 'Status', code, reason, message });
}
