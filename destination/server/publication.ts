import type { TargetKey } from '../../api/watch.ts';

/** Who is told about a publication. */
export interface Subscriber {
  /** The publication has a new version. Called synchronously; must not publish. */
  onPublish(publication: Publication): void;
  /** The publication no longer holds for all of its subscribers: each has to ask anew for its own. */
  onMoved(publication: Publication): void;
}

/** The step from one version to the next, where it is smaller than the whole. */
export interface Step {
  readonly from: string;
  readonly line: Buffer;
}

/**
 * The latest state of one thing that proxies are told about: a target as the clients of one namespace see it, a pod's
 * inbound configuration, or the trust bundle. Encoded once for all of its subscribers, and only if one needs it.
 */
export class Publication {
  readonly target: TargetKey;
  readonly subscribers = new Set<Subscriber>();
  #version = '';
  #step: Step | null = null;
  #encode: () => string = () => '';
  #line: Buffer | null = null;

  constructor(target: TargetKey) {
    this.target = target;
  }

  /** Hash of the state; empty: there is nothing to say yet. */
  get version(): string {
    return this.#version;
  }

  /** What leads from the version before to this one; null: only the whole does. */
  get step(): Step | null {
    return this.#step;
  }

  /** The whole state as one line with its line end. */
  get line(): Buffer {
    this.#line ??= Buffer.from(this.#encode());
    return this.#line;
  }

  /** @param encode makes the whole state's line; called at most once */
  publish(version: string, encode: () => string, step: Step | null): void {
    this.#version = version;
    this.#encode = encode;
    this.#line = null;
    this.#step = step;
    for (const subscriber of this.subscribers) subscriber.onPublish(this);
  }
}
