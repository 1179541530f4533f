/** A request that may be among {@link RequestsUnderWay}. Of those the links alone are touched, by nobody else. */
export interface UnderWay {
  previous: UnderWay | null;
  next: UnderWay | null;
  /** Policy has changed: ends it where it is not let in any more. */
  endIfRefused(): void;
}

/**
 * The requests of a connection that are under way, which a change of policy may end. They are linked among themselves: a `Set` makes
 * itself anew with every few dozens that come and go, in memory that lives long, and took a tenth of a proxy's time.
 */
export class RequestsUnderWay {
  #first: UnderWay | null = null;

  add(request: UnderWay): void {
    request.next = this.#first;
    if (this.#first) this.#first.previous = request;
    this.#first = request;
  }

  /** Once only. */
  remove(request: UnderWay): void {
    const { previous, next } = request;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    request.previous = null;
    request.next = null;
  }

  endIfRefused(): void {
    const all: UnderWay[] = [];
    for (let each = this.#first; each; each = each.next) all.push(each);
    for (const each of all) each.endIfRefused();
  }
}
