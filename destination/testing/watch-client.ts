import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { DESTINATION_SERVICE_ACCOUNT } from '../../api/names.ts';
import { type ClientMessage, type ServerMessage, WATCH_PATH } from '../../api/watch.ts';
import { dnsIdentity, type IdentityDomain } from '../../api/workload-identity.ts';
import type { TestCredentials } from './control-plane.ts';

/** The client's end of one watch stream, for tests: sends what it is told to and keeps what it gets. */
export class TestWatch {
  readonly session: ClientHttp2Session;
  readonly stream: ClientHttp2Stream;
  readonly #inbox: ServerMessage[] = [];
  readonly #waiting: ((message: ServerMessage | null) => void)[] = [];
  #rest = '';
  #isOver = false;
  status = 0;
  /** Everything that is no JSON line: the body of a refusal. */
  text = '';
  /** Why the connection failed. */
  error: Error | null = null;
  /** Calls with every message at the moment of its arrival. */
  onMessage: (message: ServerMessage) => void = () => {};

  constructor(options: {
    /** 127.0.0.1 unless told. */
    host?: string;
    port: number;
    bundle: string;
    domain: IdentityDomain;
    credentials: TestCredentials | null;
  }) {
    const server = { namespace: options.domain.controlNamespace, serviceAccount: DESTINATION_SERVICE_ACCOUNT };
    this.session = connect(`https://${options.host ?? '127.0.0.1'}:${options.port}`, {
      ca: options.bundle,
      servername: dnsIdentity(server, options.domain),
      ...(options.credentials ? { cert: options.credentials.chain, key: options.credentials.key } : {}),
    });
    this.stream = this.session.request({
      ':method': 'POST',
      ':path': WATCH_PATH,
      'content-type': 'application/x-ndjson',
    });
    for (const emitter of [this.session, this.stream]) {
      emitter.on('error', (error: Error) => {
        this.error ??= error;
        this.#over();
      });
    }
    this.session.on('close', () => this.#over());
    this.stream.setEncoding('utf8');
    this.stream.on('response', (headers) => {
      this.status = Number(headers[':status']);
    });
    this.stream.on('data', (text: string) => this.#receive(text));
    this.stream.on('end', () => this.#over());
  }

  /** A stream that has said hello and been greeted: `hello`, `trust` and `revoked` are taken off. */
  static async open(
    options: ConstructorParameters<typeof TestWatch>[0] & { resume?: Record<string, string> },
  ): Promise<TestWatch> {
    const watch = new TestWatch(options);
    watch.sends({ type: 'hello', version: 1, features: ['routes', 'splits'], resume: options.resume ?? {} });
    await watch.expects('hello');
    await watch.expects('trust');
    await watch.expects('revoked');
    return watch;
  }

  sends(...messages: ClientMessage[]): void {
    this.sendsText(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));
  }

  sendsText(text: string): void {
    if (!this.stream.destroyed) this.stream.write(text);
  }

  /** The next message, null when the stream is over. Throws after `withinMs`. */
  async next(withinMs = 5000): Promise<ServerMessage | null> {
    const ready = this.#inbox.shift();
    if (ready) return ready;
    if (this.#isOver) return null;
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no message within ${withinMs} ms`)), withinMs);
      this.#waiting.push((message) => {
        clearTimeout(timer);
        resolve(message);
      });
    });
  }

  /** The next message, which must be of `type`. */
  async expects<T extends ServerMessage['type']>(
    type: T,
    withinMs = 5000,
  ): Promise<Extract<ServerMessage, { type: T }>> {
    const message = await this.next(withinMs);
    if (message?.type !== type)
      throw new Error(`expected ${type}, got ${JSON.stringify(message) ?? 'the end'} ${this.error ?? ''}`);
    return message as Extract<ServerMessage, { type: T }>;
  }

  /** The next messages, as many as there are types, in whatever order they come. */
  async expectsAll(
    types: readonly ServerMessage['type'][],
  ): Promise<Partial<Record<ServerMessage['type'], ServerMessage>>> {
    const found: Partial<Record<ServerMessage['type'], ServerMessage>> = {};
    for (const _ of types) {
      const message = await this.next();
      if (message) found[message.type] = message;
    }
    const missing = types.filter((type) => !found[type]);
    if (missing.length > 0) throw new Error(`expected ${types}, got ${JSON.stringify(found)}`);
    return found;
  }

  /** Waits for the end of the stream, dropping messages. */
  async ends(withinMs = 5000): Promise<void> {
    while ((await this.next(withinMs)) !== null);
  }

  close(): void {
    this.session.destroy();
  }

  #receive(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    if (this.status !== 200) this.text += text;
    else for (const line of lines) this.#deliver(JSON.parse(line) as ServerMessage);
  }

  #deliver(message: ServerMessage): void {
    this.onMessage(message);
    const waiting = this.#waiting.shift();
    if (waiting) waiting(message);
    else this.#inbox.push(message);
  }

  #over(): void {
    this.#isOver = true;
    for (const waiting of this.#waiting.splice(0)) waiting(null);
  }
}
