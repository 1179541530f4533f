import { inTurn } from '../transport/turn.ts';
import type { Target } from './target.ts';

/** How long a request waits for an endpoint that may be used (linkerd2-proxy's fail-fast timeout). */
export const FAIL_FAST_MS = 3000;

/**
 * Waits until a target has an endpoint that may be used: looks at each update, and now and then, because ejections end by
 * themselves.
 *
 * @param look whether there is one
 * @param done called once: there is one, or {@link FAIL_FAST_MS} have passed without
 * @returns how to stop waiting
 */
export function waitForEndpoint(target: Target, look: () => boolean, done: (found: boolean) => void): () => void {
  const deadlineMs = performance.now() + FAIL_FAST_MS;
  const check = () => {
    const found = look();
    if (!found && performance.now() < deadlineMs) return;
    stop();
    inTurn(() => done(found));
  };
  const forget = target.whenEndpoints(check);
  const poll = setInterval(check, POLL_MS);
  const stop = () => {
    clearInterval(poll);
    forget();
  };
  return stop;
}

const POLL_MS = 100;
