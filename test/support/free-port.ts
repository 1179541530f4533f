import { createServer } from 'node:net';

/**
 * Finds a port that no program of this machine has on any address, for tests that must name one before anybody listens.
 *
 * It lies below the ports that Linux gives to outgoing connections (32768 and above, ip(7)), one of which could have it
 * by the time that the test listens.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const trial = createServer();
    trial.on('error', () => resolve(false));
    // Without an address: of both families where the kernel has both.
    trial.listen(port, () => trial.close(() => resolve(true)));
  });
}

const given = new Set<number>();
const LOWEST = 10_000;
const HIGHEST = 32_000;
