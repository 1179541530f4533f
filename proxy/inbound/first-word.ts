import type { Clock } from '../../core/time/clock.ts';
import { FIRST_ANSWER_MS } from '../control/discovery.ts';
import type { InboundPorts } from './ports.ts';

/**
 * Waits for the first word of destination on who may come in, as long as for one on a target ({@link FIRST_ANSWER_MS}): what comes in
 * before it would be judged by the default policy alone.
 *
 * @returns whether it came
 */
export function firstWord(ports: Pick<InboundPorts, 'whenUpdated'>, clock: Pick<Clock, 'after'>): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = ports.whenUpdated(() => end(true));
    const timer = clock.after(FIRST_ANSWER_MS, () => end(false));
    const end = (isTold: boolean) => {
      timer.cancel();
      stop();
      resolve(isTold);
    };
  });
}
