import type { Fault, Suffered } from './fault.ts';
import type { Growth } from './growth.ts';
import { explain } from './judgement.ts';
import type { Entry, Ledger } from './ledger.ts';
import { KINDS } from './request.ts';

/** What a run has shown. */
export interface Findings {
  readonly seed: number;
  readonly minutes: number;
  readonly ledger: Ledger;
  /** `weft run` itself still runs. */
  readonly isUp: boolean;
  readonly suffered: readonly Suffered[];
  readonly omitted: readonly Fault[];
  /** What is wrong beside requests and growth, as sentences. */
  readonly complaints: readonly string[];
  readonly growth: readonly Growth[];
  /** The pod whose address a text names. */
  readonly podIn: (text: string) => string | null;
}

/** Whether a run found nothing. */
export function isGood(findings: Findings): boolean {
  const { ledger } = findings;
  return (
    findings.isUp &&
    ledger.total > 0 &&
    ledger.sent === ledger.total &&
    unexplained(findings).length + ledger.count('wrong') + ledger.count('hang') === 0 &&
    findings.complaints.length === 0 &&
    findings.growth.every(({ complaint }) => complaint === '')
  );
}

/** Prints a run: requests, what explains those that failed, what nothing explains, and how processes grew. @param beginMs of the load */
export function printFindings(findings: Findings, beginMs: number): void {
  const { ledger, suffered, omitted, complaints, growth, isUp } = findings;
  const say = (line: string) => console.log(line);
  say(
    `\nrequests: ${ledger.total} of ${ledger.sent} sent have an entry; the slowest right answer took ${ledger.slowestMs} ms`,
  );
  table([
    ['', ...OUTCOMES],
    ...KINDS.map((kind) => [kind, ...OUTCOMES.map((outcome) => String(ledger.counts.get(`${kind} ${outcome}`) ?? 0))]),
  ]);
  say(`\nfaults: ${suffered.length} done, ${omitted.length} left out because what they needed had not recovered`);
  const explained = new Map<string, number>();
  for (const fault of explanations(findings).values()) {
    if (!fault) continue;
    const key = `${fault.deed} ${fault.part}${fault.pods.length > 1 ? ' of all' : ''}`;
    explained.set(key, (explained.get(key) ?? 0) + 1);
  }
  const done = new Map<string, number>();
  for (const { deed, part, pods } of suffered) {
    const key = `${deed} ${part}${pods.length > 1 ? ' of all' : ''}`;
    done.set(key, (done.get(key) ?? 0) + 1);
  }
  table([
    ['fault', 'done', 'explains failures'],
    ...[...done].sort().map(([key, count]) => [key, String(count), String(explained.get(key) ?? 0)]),
  ]);
  const left = unexplained(findings);
  const graves = ledger.failures.filter(({ outcome }) => outcome === 'wrong' || outcome === 'hang');
  say(`\nunexplained: ${left.length}; wrong: ${ledger.count('wrong')}; hang: ${ledger.count('hang')}`);
  for (const entry of [...graves, ...left].slice(0, SHOWN)) {
    const { beganMs, endedMs, ...rest } = withPod(entry, findings);
    say(`  ${seconds(beganMs - beginMs)} to ${seconds(endedMs - beginMs)} s ${JSON.stringify(rest)}`);
    const beside = suffered.filter(
      ({ doneMs, overMs }) => doneMs <= endedMs + NEAR_MS && (overMs ?? endedMs) >= beganMs - NEAR_MS,
    );
    for (const { number, deed, part, pods, manifest, doneMs, overMs } of beside)
      say(
        `      #${number} ${deed} ${manifest ?? part} ${pods.join(' ')} ${seconds(doneMs - beginMs)} to ${seconds((overMs ?? 0) - beginMs)}`,
      );
  }
  say('\nmemory and descriptors of those that lived, after the warm-up and at rest');
  table([
    ['program', 'minutes', 'MiB', 'at rest', 'MiB an hour', 'descriptors', 'at rest', ''],
    ...growth.map((each) => [
      each.name,
      each.minutes.toFixed(1),
      each.firstMiB.toFixed(0),
      each.lastMiB.toFixed(0),
      each.mibPerHour.toFixed(1),
      String(each.firstDescriptors),
      String(each.lastDescriptors),
      each.complaint,
    ]),
  ]);
  for (const complaint of [...(isUp ? [] : ['weft run has ended']), ...complaints]) say(`! ${complaint}`);
  say(isGood(findings) ? '\nnothing found' : '\nFOUND SOMETHING');
}

/** Failures that no fault explains; wrong answers and hangs are apart. */
function unexplained(findings: Findings): Entry[] {
  return [...explanations(findings)].flatMap(([entry, fault]) =>
    entry.outcome === 'wrong' || entry.outcome === 'hang' || fault ? [] : [entry],
  );
}

function explanations(findings: Findings): Map<Entry, Suffered | null> {
  return explain(
    findings.ledger.failures.map((entry) => withPod(entry, findings)),
    findings.suffered,
  );
}

/** An entry with the pod that its refusal names. */
function withPod(entry: Entry, { podIn }: Findings): Entry {
  return entry.pod === null && entry.outcome === 'refused' ? { ...entry, pod: podIn(entry.detail) } : entry;
}

function table(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows)
    console.log(
      `  ${row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd()}`,
    );
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}

const OUTCOMES = ['right', 'refused', 'broken', 'short', 'wrong', 'hang'] as const;
const SHOWN = 10;
/** What is printed beside a failure that nothing explains. */
const NEAR_MS = 5000;
