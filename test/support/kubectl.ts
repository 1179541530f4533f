import { execFile } from 'node:child_process';

/** What a program came to. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs a program to its end, feeding it `input`. @param timeoutMs when it is killed */
export function run(program: string, args: readonly string[], input = '', timeoutMs = 180_000): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { maxBuffer: 1 << 26, timeout: timeoutMs }, (error, out, text) => {
      resolve({ code: error ? Number(error.code ?? 1) || 1 : 0, out, error: text });
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** Runs kubectl; throws with its words when it fails. */
export async function kubectl(...args: string[]): Promise<string> {
  const { code, out, error } = await run('kubectl', args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${error || out}`);
  return out;
}

export async function apply(manifests: string): Promise<void> {
  const { code, error } = await run('kubectl', ['apply', '-f', '-'], manifests);
  if (code !== 0) throw new Error(`kubectl apply: ${error}`);
}
