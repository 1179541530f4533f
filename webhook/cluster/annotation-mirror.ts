import { INJECT, LINKERD_INJECT, NAMESPACE_ANNOTATION_LABEL } from '../../api/names.ts';
import type { Access } from '../../core/kubernetes/access.ts';
import { type ApiClient, ApiError } from '../../core/kubernetes/api-client.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import type { Logger } from '../../core/log/log.ts';
import type { NamespaceFacts } from '../inject/namespace-facts.ts';
import { isProtected } from '../inject/protected-namespaces.ts';
import type { ForeignFamilies } from '../inject/settings.ts';

/** What this file asks of the API server. */
export const ANNOTATION_MIRROR_ACCESS: readonly Access[] = [{ group: '', resource: 'namespaces', verbs: ['patch'] }];

/**
 * Gives namespaces that ask for injection by annotation a label of ours that says so, because the API server selects by
 * label alone; takes it away when the annotation goes. Linkerd's users annotate namespaces.
 */
export class AnnotationMirror {
  readonly #api: Pick<ApiClient, 'patch'>;
  readonly #controlNamespace: string;
  readonly #families: () => ForeignFamilies;
  readonly #log: Logger;

  constructor(settings: {
    readonly api: Pick<ApiClient, 'patch'>;
    readonly controlNamespace: string;
    readonly families: () => ForeignFamilies;
    readonly log: Logger;
  }) {
    this.#api = settings.api;
    this.#controlNamespace = settings.controlNamespace;
    this.#families = settings.families;
    this.#log = settings.log;
  }

  /** Brings one namespace's label into line. Never throws: what fails is tried again at the next change or round. */
  async reflect(namespace: NamespaceFacts): Promise<void> {
    const wanted = this.#labelFor(namespace);
    if ((namespace.labels[NAMESPACE_ANNOTATION_LABEL] ?? null) === wanted) return;
    const patch = { metadata: { labels: { [NAMESPACE_ANNOTATION_LABEL]: wanted } } };
    try {
      await this.#api.patch(apiPath`/api/v1/namespaces/${namespace.name}`, patch, 'application/merge-patch+json');
      this.#log.info({ namespace: namespace.name, label: wanted }, 'the annotation of a namespace was made a label');
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 404)
        this.#log.warn({ namespace: namespace.name }, `the label could not be set: ${error.message}`);
    }
  }

  /** null: no label. */
  #labelFor({ name, annotations }: NamespaceFacts): string | null {
    if (isProtected(name, this.#controlNamespace)) return null;
    const value = annotations[INJECT] ?? (this.#families().linkerd ? annotations[LINKERD_INJECT] : undefined);
    return value === 'enabled' || value === 'ingress' ? value : null;
  }
}
