import { join } from 'node:path';

import { Random } from '../../../core/testing/random.ts';
import { type Outcome, skip, sum } from '../outcome.ts';
import { goProgram, pythonWith, ROOT } from '../program.ts';
import { downgrade } from './downgrade.ts';
import { type Forwarded, forward } from './forward.ts';
import { isKnownMethod, readByLlhttp } from './llhttp.ts';
import type { Message, Reading } from './message.ts';
import { ParserProcess } from './parser-process.ts';
import { mutated, wellFormed } from './request-generator.ts';

/** Somebody else's parser. */
interface Parser {
  readonly name: string;
  read(transcripts: readonly Buffer[]): Promise<Reading[]>;
  end(): void;
}

/**
 * Compares the HTTP/1.1 engine with llhttp (Node), net/http (Go) and h11 (Python).
 *
 * What the engine forwards they must read as the engine meant it; what it accepts they must not read otherwise, though
 * they may refuse it. REQUESTS and SEED change the number of mutated connections and their choice.
 */
export async function runHttp1(): Promise<Outcome> {
  const { parsers, skipped } = await openParsers();
  const seed = Number(process.env.SEED ?? 1);
  const valid = await compare(parsers, VALID, fromHttp1(wellFormed, seed), true);
  console.log(`  well-formed connections: ${VALID}, ${valid.refused} refused, ${valid.messages} requests`);
  const connections = Number(process.env.REQUESTS ?? MUTATED);
  const hostile = await compare(parsers, connections, fromHttp1(mutated, seed), false);
  console.log(
    `  mutated connections: ${connections}, ${hostile.refused} refused, ${hostile.messages} requests accepted`,
  );
  const downgraded = await compare(parsers, DOWNGRADED, fromHttp2(seed), false);
  console.log(`  requests of HTTP/2: ${DOWNGRADED}, ${downgraded.refused} refused`);
  for (const parser of parsers) parser.end();
  const names = parsers.map(({ name }) => name).join(', ');
  const disagreements = valid.disagreements + hostile.disagreements + downgraded.disagreements;
  console.log(`http1: ${VALID + connections + DOWNGRADED} connections, ${disagreements} disagreements with ${names}`);
  return sum([
    { passed: VALID - valid.faulty, failed: valid.faulty, skipped },
    { passed: connections - hostile.faulty, failed: hostile.faulty, skipped: [] },
    { passed: DOWNGRADED - downgraded.faulty, failed: downgraded.faulty, skipped: [] },
  ]);
}

const VALID = 5000;
const MUTATED = 100_000;
const DOWNGRADED = 50_000;
const BATCH = 1000;

/** One connection to compare. */
interface Specimen {
  /** What the client sent, for a person to read. */
  readonly text: string;
  readonly forwarded: Forwarded;
}

function fromHttp1(make: (random: Random) => string, seed: number): (i: number) => Specimen {
  return (i) => {
    const text = make(new Random(seed * 1_000_003 + i));
    return { text, forwarded: forward(Buffer.from(text, 'latin1')) };
  };
}

function fromHttp2(seed: number): (i: number) => Specimen {
  return (i) => {
    const { fields, forwarded } = downgrade(new Random(seed * 1_000_003 + i));
    return { text: fields.join('\n'), forwarded };
  };
}

interface Comparison {
  refused: number;
  messages: number;
  disagreements: number;
  /** Connections with a disagreement, or refused though well-formed. */
  faulty: number;
}

async function compare(
  parsers: readonly Parser[],
  count: number,
  make: (i: number) => Specimen,
  mustBeAccepted: boolean,
): Promise<Comparison> {
  const total: Comparison = { refused: 0, messages: 0, disagreements: 0, faulty: 0 };
  let shown = 0;
  for (let first = 0; first < count; first += BATCH) {
    const specimens = Array.from({ length: Math.min(BATCH, count - first) }, (_, i) => make(first + i));
    const results = specimens.map(({ forwarded }) => forwarded);
    const faults: string[][] = results.map(({ refused }) => (mustBeAccepted && refused ? [`refused: ${refused}`] : []));
    const transcripts = results.flatMap((result, i) => result.transcripts.map((transcript) => ({ transcript, i })));
    const accepted = results.map((result, i) => ({ result, i })).filter(({ result }) => result.messages.length > 0);
    await Promise.all(
      parsers.map(async ({ name, read }) => {
        const forwarded = await read(transcripts.map(({ transcript }) => transcript.octets));
        transcripts.forEach(({ transcript, i }, k) => {
          const fault = forwardedFault(transcript.messages, forwarded[k]!);
          if (fault)
            faults[i]!.push(
              `${name} on what was forwarded ${JSON.stringify(transcript.octets.toString('latin1').slice(-700))}: ${fault}`,
            );
        });
        const direct = await read(accepted.map(({ i }) => Buffer.from(specimens[i]!.text, 'latin1')));
        accepted.forEach(({ result, i }, k) => {
          const fault = originalFault(result, direct[k]!);
          if (fault) faults[i]!.push(`${name} on the original: ${fault}`);
        });
      }),
    );
    results.forEach((result, i) => {
      if (result.refused) total.refused++;
      total.messages += result.messages.length;
      total.disagreements += faults[i]!.length;
      if (faults[i]!.length === 0) return;
      total.faulty++;
      if (shown++ < 10)
        console.log(`${JSON.stringify(specimens[i]!.text.slice(-700))}\n    ${faults[i]!.join('\n    ')}`);
    });
  }
  return total;
}

/** Why a reading of what was forwarded is not what the engine meant; null: it is. */
function forwardedFault(messages: readonly string[], reading: Reading): string | null {
  for (let i = 0; i < Math.max(messages.length, reading.messages.length); i++) {
    if (messages[i] === reading.messages[i]) continue;
    if (reading.messages[i] === undefined && isAllowedRefusal(messages[i]!, reading.fault)) return null;
    return `message ${i}: ${JSON.stringify(reading.messages[i]?.slice(-700))} (${reading.fault}) for ${JSON.stringify(messages[i]?.slice(-700))}`;
  }
  return null;
}

/** Parsers that know fewer methods, schemes, expectations or characters of a target than RFC 9110 allows answer 400 or 417. */
function isAllowedRefusal(message: string, fault: string): boolean {
  const [method, target] = message.split('\n') as [string, string];
  if (fault === '') return false;
  if (fault.startsWith('HTTP/1.1_417')) return true;
  return !isKnownMethod(method) || /[^!-~]|%(?![0-9a-fA-F]{2})|^[A-Za-z]*[^A-Za-z/*][^/]*:\/\//.test(target);
}

/** Why a reading of what the client sent contradicts the engine's; null: it does not. */
function originalFault({ refused, messages, hasRest }: Forwarded, reading: Reading): string | null {
  for (let i = 0; i < messages.length; i++) {
    const other = reading.messages[i];
    if (other === undefined) return reading.fault || messages[i - 1]?.isHttp10 ? null : `message ${i} is missing`;
    if (!isSame(messages[i]!, other)) return `message ${i}: ${JSON.stringify(other.slice(-700))}`;
  }
  if (refused || hasRest || reading.messages.length <= messages.length) return null;
  return `${reading.messages.length} messages rather than ${messages.length}`;
}

function isSame({ method, target, body, trailers }: Message, other: string): boolean {
  const [otherMethod, otherTarget] = other.split('\n') as [string, string];
  if (method !== otherMethod) return false;
  if (target !== otherTarget && !/^[a-z][^/]*:\/\//i.test(otherTarget)) return false;
  const found = /\n\n(\d+)\n/.exec(other)!;
  const start = found.index + found[0].length;
  if (other.slice(start, start + Number(found[1])) !== body) return false;
  return trailers.length === 0 || other.length > start + Number(found[1]) + 1;
}

async function openParsers(): Promise<{ parsers: Parser[]; skipped: string[] }> {
  const parsers: Parser[] = [{ name: 'llhttp', read: async (transcripts) => transcripts.map(readByLlhttp), end() {} }];
  const skipped: string[] = [];
  const here = join(ROOT, 'test/conformance/http1');
  const go = await goProgram(join(here, 'go'));
  if (typeof go === 'string') parsers.push(parserOf('net/http', new ParserProcess(go, [])));
  else skipped.push(...skip('HTTP/1.1 against net/http', go.missing).skipped);
  const python = await pythonWith(['h11']);
  if (typeof python === 'string')
    parsers.push(parserOf('h11', new ParserProcess(python, [join(here, 'python/parse.py')])));
  else skipped.push(...skip('HTTP/1.1 against h11', python.missing).skipped);
  return { parsers, skipped };
}

function parserOf(name: string, process: ParserProcess): Parser {
  return { name, read: (transcripts) => process.read(transcripts), end: () => process.end() };
}
