import type { Clock } from '../../core/time/clock.ts';
import type { InboundPorts } from './ports.ts';

/**
 * Waits for the first word of destination on who may come in: what came in before it would be judged by the default policy alone.
 *
 * @param mostMs how long
 * @returns whether it came
 */
export function firstWord(
  ports: Pick<InboundPorts, 'whenUpdated'>,
  clock: Pick<Clock, 'after'>,
  mostMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = ports.whenUpdated(() => end(true));
    const timer = clock.after(mostMs, () => end(false));
    const end = (isTold: boolean) => {
      timer.cancel();
      stop();
      resolve(isTold);
    };
  });
}
