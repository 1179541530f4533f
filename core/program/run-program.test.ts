import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';

/** Runs a program in a process of its own. @param start body of its start function @param readConfig body of the other */
function run(t: Test, start: string, readConfig = `return { logLevel: 'info' }`) {
  const script = `
    import { runProgram } from '${import.meta.resolve('./run-program.ts')}';
    import { ConfigError } from '${import.meta.resolve('../config/environment.ts')}';
    import { WeftError } from '${import.meta.resolve('../errors/weft-error.ts')}';
    void runProgram('sample', () => { ${readConfig} }, async () => { ${start} });`;
  const program = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => program.kill('SIGKILL'));
  const lines: Record<string, unknown>[] = [];
  let complaint = '';
  program.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const wanted = new Map<string, () => void>();
  createInterface(program.stdout).on('line', (line) => {
    const entry = JSON.parse(line) as Record<string, unknown>;
    lines.push(entry);
    wanted.get(String(entry.msg))?.();
  });
  const closed = new Promise<number | null>((resolve) => program.once('close', resolve));
  return {
    lines,
    says: (message: string) => new Promise<void>((resolve) => wanted.set(message, resolve)),
    kill: (signal: NodeJS.Signals) => program.kill(signal),
    closed,
    complaint: () => complaint,
  };
}

const SERVES = `setInterval(() => {}, 1000);
  return { address: 'host:1', admin: 'host:2', close: async () => console.log('{"msg":"closed"}') };`;

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  t.test(`a program that is told to end by ${signal} closes first and exits with 0`, async (t) => {
    const program = run(t, SERVES);
    await program.says('ready');
    program.kill(signal);
    t.equal(await program.closed, 0);
    t.match(program.lines, [
      { msg: 'ready', address: 'host:1', admin: 'host:2' },
      { msg: 'draining', signal },
      { msg: 'closed' },
      { msg: 'stopped' },
    ]);
  });

t.test('a program that is told to end while it starts does so at once', async (t) => {
  const program = run(t, `console.log('{"msg":"starting"}'); return new Promise(() => setInterval(() => {}, 1000));`);
  await program.says('starting');
  program.kill('SIGTERM');
  t.equal(await program.closed, 0);
});

t.test('a program that cannot start says why and what to do, and exits with 1', async (t) => {
  const program = run(t, `throw new WeftError('key_missing', 'there is no key', { hint: 'make one' });`);
  t.equal(await program.closed, 1);
  t.match(program.lines, [{ reason: 'key_missing', hint: 'make one', msg: 'sample cannot start: there is no key' }]);
});

t.test('a program whose configuration is wrong names it and exits with 64', async (t) => {
  const program = run(t, SERVES, `throw new ConfigError(['WEFT_SAMPLE_LISTEN is no host:port']);`);
  t.equal(await program.closed, 64);
  t.match(program.complaint(), 'WEFT_SAMPLE_LISTEN is no host:port');
  t.equal(program.lines.length, 0);
});
