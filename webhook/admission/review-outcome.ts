import type { AdmissionAnswer } from './admission-review.ts';

/** An answer, and what metrics and log say of it. */
export interface ReviewOutcome {
  readonly answer: AdmissionAnswer;
  readonly outcome: 'injected' | 'skipped' | 'refused' | 'valid' | 'invalid';
  /** Snake-case token; empty where the outcome needs no reason. */
  readonly reason: string;
  /** A sentence for the log; empty where there is nothing to say. */
  readonly message: string;
}

/** The webhook cannot tell at present. It then answers no review at all, so that each entry's failure policy decides. */
export class ReviewUnavailableError extends Error {
  constructor(message: string, options: { cause: unknown }) {
    super(message, options);
    this.name = 'ReviewUnavailableError';
  }
}
