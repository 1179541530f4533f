/** A JSON object as it was read. */
export interface Json {
  readonly [field: string]: unknown;
}

/** An object of a document, and where it stands there. */
export interface Found {
  readonly object: Json;
  /** Fields that lead to it: none, or `items` and a number. */
  readonly path: readonly (string | number)[];
  /** As manifests call it; in a list of one kind the items need not say it. */
  readonly kind: string;
}

/** The objects of a document: those of a list (`List`, `PodList`), or the document itself. Entries that are none are left out. */
export function objectsOf(document: unknown): Found[] {
  if (!isObject(document)) return [];
  const kind = String(document.kind);
  if (!kind.endsWith('List') || !Array.isArray(document.items)) return [{ object: document, path: [], kind }];
  const ofItems = kind.slice(0, -'List'.length);
  return document.items.flatMap((item, at) =>
    isObject(item) ? { object: item, path: ['items', at], kind: String(item.kind ?? ofItems) } : [],
  );
}

/**
 * Where an object keeps its pod template, as fields that lead there; none: it is the pod. null: it has no pods. Kinds that
 * nobody here knows, as Argo's Rollout, are known by what they have.
 */
export function templatePath({ object, kind }: Found): readonly string[] | null {
  if (kind === 'Pod') return [];
  if (kind === 'CronJob') return ['spec', 'jobTemplate', 'spec', 'template'];
  const template = fieldOf(fieldOf(object, 'spec'), 'template');
  return Array.isArray(fieldOf(fieldOf(template, 'spec'), 'containers')) ? ['spec', 'template'] : null;
}

/** What a path leads to; undefined: it leads nowhere. */
export function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (at, field) => (Array.isArray(at) ? at[Number(field)] : fieldOf(at, String(field))),
    value,
  );
}

function fieldOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
