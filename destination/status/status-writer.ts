import type { Access } from '../../core/kubernetes/access.ts';
import { type ApiClient, ApiError, type Json } from '../../core/kubernetes/api-client.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import { KINDS, type Kind, POLICY_KINDS } from '../objects/kinds.ts';
import { formatRef } from '../objects/object-ref.ts';
import { routeStatusWith, statusWith } from './object-status.ts';
import type { Judged } from './policy-survey.ts';

/** What this file asks of the API server. */
export const STATUS_WRITER_ACCESS: readonly Access[] = POLICY_KINDS.flatMap((kind) => {
  const { group, plural } = KINDS[kind];
  return [
    { group, resource: plural, verbs: ['get'] },
    { group, resource: `${plural}/status`, verbs: ['patch'] },
  ];
});

/**
 * Writes verdicts into the status of objects, where they have one and it does not say so already. What others wrote into
 * it stays; of two writers at once the second tries again at the next change.
 */
export class StatusWriter {
  readonly #client: ApiClient;
  readonly #onFailure: (message: string) => void;
  /** What was last said of an object, so that it is looked at only when something new is to be said. */
  readonly #said = new Map<string, string>();
  /** Kinds whose definition has no status. */
  readonly #without = new Set<Kind>();

  constructor(client: ApiClient, onFailure: (message: string) => void) {
    this.#client = client;
    this.#onFailure = onFailure;
  }

  /** Says each verdict that is new. Never throws. @returns how many statuses were written */
  async write(judged: readonly Judged[], now: Date): Promise<number> {
    const keys = new Set(judged.map(formatRef));
    for (const key of this.#said.keys()) if (!keys.has(key)) this.#said.delete(key);
    let written = 0;
    for (const each of judged) {
      const key = formatRef(each);
      const text = JSON.stringify(each.verdict);
      if (this.#said.get(key) === text || this.#without.has(each.kind)) continue;
      try {
        if (await this.#say(each, now)) written++;
        this.#said.set(key, text);
      } catch (error) {
        this.#onFailure(`the status of ${key} could not be written: ${(error as Error).message}`);
      }
    }
    return written;
  }

  /** Looks at an object again although the verdict is the same: somebody has written it. */
  forget({ kind, namespace, name }: { kind: Kind; namespace: string; name: string }): void {
    this.#said.delete(formatRef({ kind, namespace, name }));
  }

  async #say({ kind, namespace, name, verdict }: Judged, now: Date): Promise<boolean> {
    const found = await this.#find(kind, namespace, name);
    if (!found) return false;
    const isRoute = kind === 'HTTPRoute' || kind === 'GRPCRoute' || kind === 'LinkerdHTTPRoute';
    const time = now.toISOString().replace(/\.\d+Z$/, 'Z');
    const status = (isRoute ? routeStatusWith : statusWith)(found.raw, verdict, time);
    if (!status) return false;
    const { resourceVersion } = found.raw.metadata;
    try {
      const patch = { metadata: { resourceVersion }, status };
      await this.#client.patch(`${found.path}/status`, patch, 'application/merge-patch+json');
      return true;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      this.#without.add(kind);
      return false;
    }
  }

  /** null: it has gone. */
  async #find(kind: Kind, namespace: string, name: string): Promise<{ raw: Json; path: string } | null> {
    const { group, versions, plural } = KINDS[kind];
    for (const version of versions) {
      const path = apiPath`/apis/${group}/${version}/namespaces/${namespace}/${plural}/${name}`;
      try {
        return { raw: await this.#client.get(path), path };
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 404) throw error;
      }
    }
    return null;
  }
}
