import { LineProcess } from '../line-process.ts';
import { type Reading, withoutConnectionFields } from './message.ts';

/** A parser in another language, as a process that reads transcripts (u32 length, octets) and answers one line each. */
export class ParserProcess {
  readonly #process: LineProcess;

  constructor(program: string, args: readonly string[]) {
    this.#process = new LineProcess(program, args);
  }

  /** How it reads the connections whose octets these are. */
  async read(transcripts: readonly Buffer[]): Promise<Reading[]> {
    const parts: Buffer[] = [];
    for (const octets of transcripts) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(octets.length);
      parts.push(length, octets);
    }
    return (await this.#process.ask(Buffer.concat(parts), transcripts.length)).map(readingOf);
  }

  end(): void {
    this.#process.end();
  }
}

function readingOf(line: string): Reading {
  const [fault, text] = line.split(' ') as [string, string];
  return { fault: fault === '-' ? '' : fault, messages: split(Buffer.from(text, 'base64').toString('latin1')) };
}

/** Messages one after another; a body may hold any octet, so its length says where it ends. */
function split(text: string): string[] {
  const messages: string[] = [];
  for (let at = 0; at < text.length; ) {
    const length = /\n\n(\d+)\n/g;
    length.lastIndex = at;
    const found = length.exec(text)!;
    const end = text.indexOf('\0', length.lastIndex + Number(found[1])) + 1;
    messages.push(withoutConnectionFields(text.slice(at, end)));
    at = end;
  }
  return messages;
}
