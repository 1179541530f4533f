import { createRequire } from 'node:module';

import { MAX_HEAD_BYTES } from '../../../proxy/http1/head-reader.ts';
import { canonical, type Reading } from './message.ts';

interface Parser {
  initialize(kind: number, resource: object, maxHeadBytes: number): void;
  execute(octets: Buffer): number | Error;
  finish(): number | Error | undefined;
  [event: number]: unknown;
}

interface Http {
  readonly HTTPParser: {
    new (): Parser;
    readonly REQUEST: number;
    readonly kOnHeaders: number;
    readonly kOnHeadersComplete: number;
    readonly kOnBody: number;
    readonly kOnMessageComplete: number;
  };
  readonly methods: readonly string[];
}

/** The parser below `node:http`, without sockets around it. Private to Node, which the project pins. */
const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as Http;

/** Whether llhttp knows a method: it refuses any other. */
export function isKnownMethod(method: string): boolean {
  return methods.includes(method);
}

/** How llhttp reads the octets of a client's connection. */
export function readByLlhttp(octets: Buffer): Reading {
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {}, 2 * MAX_HEAD_BYTES);
  const messages: string[] = [];
  let method = '';
  let target = '';
  let fields: string[] = [];
  let trailers: string[] = [];
  let body = '';
  let inBody = false;
  parser[HTTPParser.kOnHeaders] = (some: string[], url: string) => {
    if (inBody) trailers.push(...some);
    else {
      fields.push(...some);
      target += url;
    }
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    _minor: number,
    rest: string[] | undefined,
    methodIndex: number,
    url: string | undefined,
    _status: number,
    _message: string,
    upgrade: boolean,
  ) => {
    method = methods[methodIndex] ?? `method ${methodIndex}`;
    if (rest) fields.push(...rest);
    if (url) target = url;
    inBody = true;
    return upgrade && method === 'CONNECT' ? 2 : 0;
  };
  parser[HTTPParser.kOnBody] = (piece: Buffer) => {
    body += piece.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    const [host, rest] = takeHost(fields);
    messages.push(canonical({ method, target, host, fields: rest, body, trailers }));
    [method, target, fields, trailers, body, inBody] = ['', '', [], [], '', false];
  };
  const read = parser.execute(octets);
  if (typeof read === 'number' && read < octets.length) return { messages, fault: 'another protocol follows' };
  const ended = read instanceof Error ? read : parser.finish();
  return { messages, fault: ended instanceof Error ? ended.message : '' };
}

function takeHost(fields: readonly string[]): [string, string[]] {
  let host = '';
  const rest: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]!.toLowerCase() === 'host') host += fields[i + 1]!;
    else rest.push(fields[i]!, fields[i + 1]!);
  }
  return [host, rest];
}
