import type { Fields } from '../../../proxy/http.ts';

/** One request as some parser has read it; everything one char an octet. */
export interface Message {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly fields: Fields;
  readonly body: string;
  readonly trailers: Fields;
  /** After HTTP/1.0 a server may close, whatever the client wishes. */
  readonly isHttp10: boolean;
}

/** What a parser made of a connection: the messages that it read whole, and why it stopped, if that was a fault. */
export interface Reading {
  readonly fault: string;
  readonly messages: readonly string[];
}

/** A message in the form in which readings are compared: names in lower case and in order, the connection's own left out. */
export function canonical({ method, target, host, fields, body, trailers }: Omit<Message, 'isHttp10'>): string {
  return `${method}\n${target}\n${host}\n${lines(fields)}\n${body.length}\n${body}${lines(trailers)}\0`;
}

/** The same of a reading by another parser, whose fields may include those of the connection. */
export function withoutConnectionFields(text: string): string {
  const end = text.search(/\n\n\d+\n/);
  const kept = text
    .slice(0, end)
    .split('\n')
    .filter((line, i) => i < 3 || !OF_THE_CONNECTION.has(line.slice(0, line.indexOf(':'))));
  return kept.join('\n') + text.slice(end);
}

function lines(fields: Fields): string {
  const named: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!.toLowerCase();
    if (!OF_THE_CONNECTION.has(name)) named.push([name, fields[i + 1]!]);
  }
  named.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return named.map(([name, value]) => `${name}: ${value}\n`).join('');
}

/** `trailer` is among them because net/http takes it out; `weft-connection` is how the engine says `close`. */
const OF_THE_CONNECTION = new Set(['connection', 'transfer-encoding', 'upgrade', 'trailer', 'weft-connection']);
