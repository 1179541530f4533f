import { CONTROL_NAMESPACE_LABEL, INJECT, ISTIO_INJECTION, ISTIO_REVISION, LINKERD_INJECT } from '../../api/names.ts';
import type { ObjectChange } from '../../core/kubernetes/list-watch.ts';

/**
 * Which namespaces need the trust roots: those that ask for injection in the words of any family, and those that hold
 * an injected pod, since a pod may ask for itself.
 */
export class InjectedNamespaces {
  readonly #asking = new Set<string>();
  /** By namespace, the names of pods that have a proxy of ours. */
  readonly #pods = new Map<string, Set<string>>();
  readonly #controlNamespace: string;

  constructor(controlNamespace: string) {
    this.#controlNamespace = controlNamespace;
  }

  /** Takes changes of Namespaces. @returns the namespaces that need the roots and did not before */
  takeNamespaces(changes: readonly ObjectChange[]): string[] {
    return this.#additions(changes, (change) => {
      if (change.type === 'gone') this.#asking.delete(change.name);
      else if (asks(change.object.metadata)) this.#asking.add(change.object.metadata.name);
      else this.#asking.delete(change.object.metadata.name);
    });
  }

  /** Takes changes of Pods. @returns the namespaces that need the roots and did not before */
  takePods(changes: readonly ObjectChange[]): string[] {
    return this.#additions(changes, (change) => {
      const { namespace, name } = change.type === 'gone' ? change : change.object.metadata;
      const labels = change.type === 'gone' ? {} : (change.object.metadata.labels ?? {});
      const pods = this.#pods.get(namespace) ?? new Set();
      if (labels[CONTROL_NAMESPACE_LABEL] === this.#controlNamespace) this.#pods.set(namespace, pods.add(name));
      else if (pods.delete(name) && pods.size === 0) this.#pods.delete(namespace);
    });
  }

  /** All of them, without Weft's own, whose roots are the original. */
  list(): string[] {
    const all = new Set([...this.#asking, ...this.#pods.keys()]);
    all.delete(this.#controlNamespace);
    return [...all];
  }

  #additions(changes: readonly ObjectChange[], take: (change: ObjectChange) => void): string[] {
    const before = new Set(this.list());
    for (const change of changes) take(change);
    return this.list().filter((name) => !before.has(name));
  }
}

/** Metadata of a namespace: any word that wants injection counts, whoever's webhook listens to it. */
function asks({ labels, annotations }: { labels?: Texts; annotations?: Texts }): boolean {
  return [labels ?? {}, annotations ?? {}].some((texts) =>
    WORDS.some((name) => texts[name] !== undefined && texts[name] !== 'disabled'),
  );
}

type Texts = Readonly<Record<string, string>> | null;

const WORDS = [INJECT, LINKERD_INJECT, ISTIO_INJECTION, ISTIO_REVISION];
