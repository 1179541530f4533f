/** Resolves when this process is asked to end: Ctrl-C, SIGTERM, or its terminal is gone. From then on nothing else ends it. */
export function whenStopped(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => {
        hasStopped = true;
        done();
      });
  });
}

/** Whether what {@link whenStopped} waits for has come. */
export function isStopped(): boolean {
  return hasStopped;
}

let hasStopped = false;

/** Exit code of a command that was stopped before it was done: 128 and the number of SIGINT, as shells count. */
export const EXIT_INTERRUPTED = 130;
