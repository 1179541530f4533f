/** A connection that a drain can end. */
export interface Drainable {
  /** Finishes what is under way, then closes. */
  shutdown(): void;
  /** Cuts off what is open, drained or not. */
  destroy(): void;
}

/** The connections of one listener. A drain tells those that are open, and those that still come, to finish. */
export class Connections {
  readonly #open = new Set<Drainable>();
  #draining = false;

  get size(): number {
    return this.#open.size;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  /** Adds a connection; during a drain it is told at once. @returns how to remove it */
  add(connection: Drainable): () => void {
    this.#open.add(connection);
    if (this.#draining) connection.shutdown();
    return () => this.#open.delete(connection);
  }

  /** Tells every connection to finish, and each that comes from now on. */
  drain(): void {
    this.#draining = true;
    for (const connection of this.#open) connection.shutdown();
  }

  destroy(): void {
    for (const connection of this.#open) connection.destroy();
  }
}
