import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';

import { ApiError, UNREACHABLE } from './api-error.ts';
import { type Credentials, findCredentials } from './credentials.ts';

export { ApiError } from './api-error.ts';

/** Anything that JSON can say. Objects come as they were sent: typed clients drop the fields they do not know. */
// biome-ignore lint/suspicious/noExplicitAny: the shape belongs to the caller, who checks it
export type Json = any;

/** What one call differs in from the others. */
export interface RequestSettings {
  /** `accept` header; `application/json` unless given. */
  readonly accept?: string;
  /** Ends the request; it then throws an {@link ApiError} of reason `Unreachable`. */
  readonly signal?: AbortSignal;
}

/** Media types of {@link ApiClient.patch}. */
export type PatchType =
  | 'application/json-patch+json'
  | 'application/merge-patch+json'
  | 'application/strategic-merge-patch+json'
  | 'application/apply-patch+yaml';

/**
 * Speaks plain JSON with a Kubernetes API server over connections that are kept.
 *
 * Paths are absolute (`/api/v1/namespaces/default/pods/a?fieldManager=weft`) and already encoded. Every method throws
 * {@link ApiError}: with the server's status and reason, or with status 0 and reason `Unreachable` after 30 s of
 * silence, a broken connection or an answer that is no JSON.
 */
export class ApiClient {
  readonly #credentials: Credentials;
  readonly #agents = {
    'https:': new HttpsAgent({ keepAlive: true, maxSockets: 32 }),
    'http:': new HttpAgent({ keepAlive: true, maxSockets: 32 }),
  };

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** A client with this process's credentials: `KUBECONFIG`, else the pod's account, else `~/.kube/config`. */
  static async fromCluster(variables: Readonly<Record<string, string | undefined>> = process.env): Promise<ApiClient> {
    return new ApiClient(await findCredentials(variables));
  }

  /** GETs an object, or one page of a list. */
  async get(path: string, settings: RequestSettings = {}): Promise<Json> {
    return await this.#json('GET', path, undefined, JSON_TYPE, settings);
  }

  /** POSTs `object` to a collection; an object that is already there throws 409 `AlreadyExists`. */
  async create(path: string, object: Json): Promise<Json> {
    return await this.#json('POST', path, object, JSON_TYPE);
  }

  /** PUTs `object`; a stale `resourceVersion` throws 409 `Conflict`. */
  async update(path: string, object: Json): Promise<Json> {
    return await this.#json('PUT', path, object, JSON_TYPE);
  }

  /** PATCHes an object; an apply patch makes it where it is not there. */
  async patch(path: string, patch: Json, contentType: PatchType): Promise<Json> {
    return await this.#json('PATCH', path, patch, contentType);
  }

  /** DELETEs an object, which stays until its finalizers have run. Resolves with what is left of it, or a Status. */
  async delete(path: string): Promise<Json> {
    return await this.#json('DELETE', path, undefined, JSON_TYPE);
  }

  /**
   * Yields the lines of an answer that does not end soon (a watch), without their line ends and without empty ones.
   * A last line without a line end is yielded too, since a garbled tail must be seen rather than lost.
   *
   * Returns when the server ends the answer; throws when it is refused, breaks off, holds a line above 32 MiB, is
   * silent for `silenceMs`, or when `signal` fires.
   */
  async *stream(
    path: string,
    signal: AbortSignal,
    settings: { accept?: string; silenceMs?: number } = {},
  ): AsyncGenerator<string, void, undefined> {
    const answer = await this.#send('GET', path, undefined, JSON_TYPE, { ...settings, signal });
    try {
      answer.setTimeout(settings.silenceMs ?? REQUEST_TIMEOUT_MS, () =>
        answer.destroy(new Error('the stream is silent')),
      );
      if (answer.statusCode !== 200) throw ApiError.from(answer.statusCode ?? 0, parseOrText(await readAll(answer)));
      yield* linesOf(answer);
    } catch (error) {
      throw asApiError(error, `watch of ${path} ended`);
    } finally {
      answer.destroy();
    }
  }

  /** Closes the kept connections. Requests under way end by themselves. */
  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  async #json(
    method: string,
    path: string,
    body: Json | undefined,
    contentType: string,
    settings: RequestSettings = {},
  ): Promise<Json> {
    const answer = await this.#send(method, path, body, contentType, settings);
    try {
      answer.setTimeout(REQUEST_TIMEOUT_MS, () => answer.destroy(new Error('the answer stopped arriving')));
      const text = await readAll(answer);
      const status = answer.statusCode ?? 0;
      if (status < 200 || status > 299) throw ApiError.from(status, parseOrText(text));
      return text === '' ? null : JSON.parse(text);
    } catch (error) {
      throw asApiError(error, `${method} ${path} failed`);
    }
  }

  /** Sends a request and returns the answer once its head is there. */
  async #send(
    method: string,
    path: string,
    body: Json | undefined,
    contentType: string,
    settings: RequestSettings,
  ): Promise<IncomingMessage> {
    try {
      const options = await this.#credentials.options();
      return await this.#exchange(
        options,
        method,
        path,
        body === undefined ? '' : JSON.stringify(body),
        contentType,
        settings,
      );
    } catch (error) {
      throw asApiError(error, `${method} ${path} failed`);
    }
  }

  #exchange(
    options: RequestOptions,
    method: string,
    path: string,
    payload: string,
    contentType: string,
    settings: RequestSettings,
  ): Promise<IncomingMessage> {
    const url = new URL(this.#credentials.server + path);
    const isPlain = url.protocol === 'http:';
    const headers: Record<string, unknown> = { ...options.headers, accept: settings.accept ?? JSON_TYPE };
    if (payload !== '') {
      headers['content-type'] = contentType;
      headers['content-length'] = Buffer.byteLength(payload);
    }
    return new Promise((resolve, reject) => {
      const request = (isPlain ? httpRequest : httpsRequest)(url, {
        agent: this.#agents[isPlain ? 'http:' : 'https:'],
        ...options,
        method,
        headers: headers as Record<string, string>,
        ...(settings.signal ? { signal: settings.signal } : {}),
      });
      request.setTimeout(REQUEST_TIMEOUT_MS, () => request.destroy(new Error(`no answer in ${REQUEST_TIMEOUT_MS} ms`)));
      request.once('response', resolve);
      request.once('error', reject);
      request.end(payload);
    });
  }
}

async function readAll(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

async function* linesOf(answer: IncomingMessage): AsyncGenerator<string, void, undefined> {
  answer.setEncoding('utf8');
  let rest = '';
  for await (const chunk of answer) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop()!;
    if (rest.length > MAX_LINE_CHARACTERS) throw new Error(`a line is longer than ${MAX_LINE_CHARACTERS} characters`);
    for (const line of lines) if (line !== '') yield line;
  }
  if (rest !== '') yield rest;
}

function parseOrText(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function asApiError(error: unknown, what: string): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(0, UNREACHABLE, `${what}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}

const JSON_TYPE = 'application/json';
/** Silence after which a request is given up, milliseconds: the API server's own limit of a request is 60 s. */
const REQUEST_TIMEOUT_MS = 30_000;
/** etcd refuses objects above 1.5 MiB; JSON of one is at most a few times that. */
const MAX_LINE_CHARACTERS = 32 * 1024 * 1024;
