import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import type { Mutant } from './place.ts';

/** What came of a run of tests. */
export type Verdict = 'passed' | 'failed' | 'timed_out';

/** A copy of the checkout's files in a temporary folder, in which one file at a time is changed. */
export class ScratchTree {
  readonly folder: string;
  #child: ChildProcess | null = null;

  /** Copies the tracked files of `root`, as they are now; its packages are linked. */
  constructor(root: string) {
    this.folder = mkdtempSync(join(tmpdir(), 'weft-mutate-'));
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
    for (const file of listed.toString().split('\0').filter(Boolean)) {
      mkdirSync(dirname(join(this.folder, file)), { recursive: true });
      cpSync(join(root, file), join(this.folder, file));
    }
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'));
    mkdirSync(join(this.folder, 'tmp'));
  }

  /** Runs `work` while the mutant stands in its file. */
  async with<T>({ file, source }: Mutant, work: () => Promise<T>): Promise<T> {
    const path = join(this.folder, file);
    const unchanged = readFileSync(path);
    writeFileSync(path, source);
    try {
      return await work();
    } finally {
      writeFileSync(path, unchanged);
    }
  }

  /** True where the compiler accepts the tree. It keeps what it knows of unchanged files in a file of the tree. */
  async isTyped(): Promise<boolean> {
    const compiler = join(this.folder, 'node_modules/.bin/tsc');
    const verdict = await this.#run(compiler, ['--noEmit', '--incremental', '--tsBuildInfoFile', 'tmp/types'], 120_000);
    return verdict === 'passed';
  }

  /** Runs test files in one process, which ends at the first failure. */
  test(files: readonly string[], limitMs: number): Promise<Verdict> {
    const flags = ['--disable-warning=ExperimentalWarning', '--max-old-space-size=1024'];
    return this.#run(process.execPath, [...flags, 'test/mutate/area-tests.ts', ...files], limitMs);
  }

  /** Ends what runs and deletes the folder. */
  close(): void {
    this.#kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #run(program: string, args: readonly string[], limitMs: number): Promise<Verdict> {
    const child = spawn(program, args, {
      cwd: this.folder,
      // A group of its own, so that what a changed program has started ends with it.
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {
        ...process.env,
        TAP: '1',
        // The limit of time is ours: tap's own, of 30 s, would take a busy machine for a fault that was noticed.
        TAP_TIMEOUT: '3600',
        TMPDIR: join(this.folder, 'tmp'),
        PATH: `${join(this.folder, 'node_modules/.bin')}:${process.env.PATH}`,
      },
    });
    this.#child = child;
    return new Promise((resolve) => {
      let verdict: Verdict = 'passed';
      const end = (reason: Verdict) => {
        verdict = reason;
        this.#kill();
      };
      const timer = setTimeout(end, limitMs, 'timed_out');
      let rest = '';
      child.stdout!.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop()!;
        if (verdict === 'passed' && lines.some((line) => FAILURE.test(line))) end('failed');
      });
      child.on('close', (code) => {
        clearTimeout(timer);
        this.#kill();
        this.#child = null;
        resolve(verdict === 'passed' && code !== 0 ? 'failed' : verdict);
      });
    });
  }

  #kill(): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Nothing of the group is left.
    }
  }
}

/** A line of TAP that tells of a failed assertion or test. */
const FAILURE = /^\s*not ok (?!.*# (?:TODO|SKIP))|^\s*Bail out!/;
