import { spawn } from 'node:child_process';

/** Variable that every process of a local mesh has: the folder of its state. It tells whose a process is. */
export const ENV_STATE = 'WEFT_RUN_STATE';

/** What cleans up after a local mesh. */
export interface Watchdog {
  /** Ends what still runs and removes the state; resolves when nothing is left. */
  end(): Promise<void>;
}

/**
 * Starts a shell that waits for this process to end, however it ends, then kills every process of the mesh that is left,
 * also those that have put themselves into the background, and removes its state. Without a process namespace of its own
 * nothing else does that when this process is killed.
 */
export function startWatchdog(state: string): Watchdog {
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'weft-watchdog', ENV_STATE, state], {
    detached: true, // the terminal's Ctrl-C is not for it
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH },
  });
  const ended = new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('close', () => resolve());
  });
  child.unref();
  return {
    async end() {
      child.ref();
      child.stdin!.end();
      await ended;
    },
  };
}

/** `read` returns when the other end of the pipe is closed, which the kernel does for a dead process too. */
const SCRIPT = `
read -r _
for signal in TERM KILL; do
  found=
  for file in $(grep -lsF "$1=$2" /proc/[0-9]*/environ); do
    pid=\${file#/proc/}
    kill -s $signal "\${pid%/environ}" 2>/dev/null && found=1
  done
  [ "$found" ] || break
  [ $signal = TERM ] && sleep 1
done
rm -rf "$2"
`;
