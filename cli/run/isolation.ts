import { spawn } from 'node:child_process';

import { WeftError } from '../../core/errors/weft-error.ts';

const INSIDE = 'WEFT_RUN_INSIDE';

/** Whether this process is already in namespaces of its own. */
export function isIsolated(): boolean {
  return process.env[INSIDE] === '1';
}

/**
 * Starts this command line again in network, mount and process namespaces of its own: nothing that it makes is seen
 * outside, and all of it goes away with it, however it ends.
 *
 * @returns the exit code
 */
export function runIsolated(): Promise<number> {
  if (process.getuid?.() !== 0) {
    throw new WeftError('root_needed', 'network namespaces and redirect rules need root', {
      hint: 'run it as root (sudo make demo); the loopback mode without root is not there yet',
    });
  }
  const child = spawn(
    'unshare',
    [
      '--net',
      '--mount',
      '--pid',
      '--fork',
      '--mount-proc',
      '--kill-child',
      '--',
      process.execPath,
      ...process.argv.slice(1),
    ],
    {
      stdio: 'inherit',
      env: { ...process.env, [INSIDE]: '1' },
    },
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => void (signal === 'SIGTERM' && child.kill(signal)));
  return new Promise((resolve, reject) => {
    child.on('error', (error) =>
      reject(
        new WeftError('unshare_missing', `cannot start unshare: ${error.message}`, {
          hint: 'install util-linux and iproute2',
        }),
      ),
    );
    child.on('close', (code, signal) => resolve(signal ? 1 : (code ?? 1)));
  });
}
