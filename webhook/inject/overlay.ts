/**
 * Lays wanted JSON over what is there: fields that are wanted replace, fields that are not stay. What already says what
 * is wanted comes back unchanged, so that injecting twice changes nothing even after the API server filled in defaults
 * and another webhook added a variable or a mount.
 *
 * Lists of objects with a `name` or a `mountPath` are matched by it and keep their order, new entries last; lists of
 * objects of one length are matched by position; any other list is replaced.
 */
export function overlay(existing: unknown, wanted: unknown): unknown {
  if (Array.isArray(wanted)) return overlayList(existing, wanted);
  if (!isObject(wanted)) return wanted;
  const merged: Record<string, unknown> = isObject(existing) ? { ...existing } : {};
  for (const [field, value] of Object.entries(wanted)) merged[field] = overlay(merged[field], value);
  return merged;
}

function overlayList(existing: unknown, wanted: readonly unknown[]): unknown[] {
  if (!Array.isArray(existing) || !wanted.every(isObject) || !existing.every(isObject)) return [...wanted];
  const key = KEYS.find((name) => wanted.every((entry) => typeof entry[name] === 'string'));
  if (key === undefined) {
    return existing.length === wanted.length ? wanted.map((entry, at) => overlay(existing[at], entry)) : [...wanted];
  }
  const wants = byKey(wanted, key);
  const has = byKey(existing, key);
  return [
    ...existing.map((entry) => {
      const want = wants.get(entry[key]);
      return want ? overlay(entry, want) : entry;
    }),
    ...wanted.filter((entry) => !has.has(entry[key])),
  ];
}

/** Entries by what they are matched by; of several with the same the first. */
function byKey(list: readonly Record<string, unknown>[], key: string): Map<unknown, Record<string, unknown>> {
  return new Map(list.toReversed().map((entry) => [entry[key], entry]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Merge keys of Kubernetes' lists: containers, env, ports and volumes by name, mounts by path. */
const KEYS = ['name', 'mountPath'];
