import type { ProxyErrorReason } from '../../api/proxy-headers.ts';

/** A connection is refused; it gets no answer, because nobody has asked anything yet. */
export class Refused extends Error {
  readonly reason: ProxyErrorReason;

  constructor(reason: ProxyErrorReason, message: string) {
    super(message);
    this.name = 'Refused';
    this.reason = reason;
  }
}
