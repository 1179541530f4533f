import { spawn } from 'node:child_process';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(fileURLToPath(import.meta.url), '../../..');

/** Where programs that only the conformance tests need are built. */
export const BUILD = join(ROOT, 'build/conformance');

/** How a program ended and what it wrote. */
export interface Ended {
  /** -1: it could not be started. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string | Buffer; timeoutMs?: number } = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const { cwd, env, timeoutMs } = options;
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, timeout: timeoutMs });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => resolve({ code: -1, stdout, stderr: error.message }));
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

/** Whether a program is on the path. */
export async function isThere(program: string, argument = '--version'): Promise<boolean> {
  return (await run(program, [argument])).code === 0;
}

/**
 * A Python that has these packages: Debian's own, or one in an environment of its own.
 *
 * @param modules what they are imported as, where that differs
 * @returns its program, or what is missing
 */
export async function pythonWith(
  packages: readonly string[],
  modules: readonly string[] = packages,
): Promise<string | { missing: string }> {
  const folder = join(BUILD, 'python');
  const python = join(folder, 'bin/python');
  for (const each of ['/usr/bin/python3', python])
    if ((await run(each, ['-c', `import ${modules.join(', ')}`])).code === 0) return each;
  if (!(await isThere('python3'))) return { missing: 'python3 is missing' };
  for (const args of [
    ['python3', '-m', 'venv', folder],
    [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages],
  ]) {
    const { code, stderr } = await run(args[0]!, args.slice(1));
    if (code !== 0)
      return { missing: `a Python environment with ${packages.join(', ')} is missing: ${stderr.trim().slice(-200)}` };
  }
  return python;
}

/**
 * Builds the Go program of a folder.
 *
 * @param tool a program that the folder's go.mod names, rather than the folder's own
 * @returns its program, or what is missing
 */
export async function goProgram(folder: string, tool?: string): Promise<string | { missing: string }> {
  if (!(await isThere('go', 'version'))) return { missing: 'go is missing' };
  const name = relative(join(ROOT, 'test/conformance'), folder) + (tool ? `/${tool}` : '');
  const program = join(BUILD, name.replaceAll('/', '-'));
  const { code, stderr } = await run('go', ['build', '-o', program, tool ?? '.'], { cwd: folder });
  return code === 0 ? program : { missing: `${folder} cannot be built: ${stderr.trim().slice(-300)}` };
}
