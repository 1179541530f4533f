import type { Fields } from './json.ts';
import type { Manifest } from './manifest-file.ts';
import { formatRef } from './object-ref.ts';
import type { Put } from './object-store.ts';
import type { Report } from './reports.ts';

/**
 * Lays folders over one another: an object that a later folder holds too is laid over the earlier one as a JSON merge
 * patch (RFC 7396), so that a controller's folder can add an address to a Service that a user writes and edits.
 *
 * Within one folder an object stands once; of several the first is used and the others are reported.
 *
 * @param folders manifests of each folder, files in order of their paths
 */
export function overlay(folders: readonly (readonly Manifest[])[]): {
  readonly puts: readonly Put[];
  readonly faults: readonly Report[];
} {
  const merged = new Map<string, Put>();
  const faults: Report[] = [];
  for (const manifests of folders) {
    const seen = new Map<string, Manifest>();
    for (const manifest of manifests) {
      const { kind, namespace, name, place } = manifest;
      const key = formatRef(manifest);
      const first = seen.get(key);
      if (first) {
        faults.push({ object: { kind, namespace, name }, place, ...repetition(first, manifest) });
        continue;
      }
      seen.set(key, manifest);
      const below = merged.get(key);
      merged.set(
        key,
        below ? { ...below, raw: mergePatch(below.raw, manifest.raw) as Fields } : { kind, raw: manifest.raw, place },
      );
    }
  }
  return { puts: [...merged.values()], faults };
}

/** What is said of an object that stands a second time. */
export function repetition(
  first: Pick<Manifest, 'raw' | 'place'>,
  second: Pick<Manifest, 'raw'>,
): Pick<Report, 'path' | 'message' | 'severity'> {
  const too = `stands at ${first.place} too`;
  if (JSON.stringify(first.raw) === JSON.stringify(second.raw))
    return { path: '', message: `${too}, word for word; one of them is enough`, severity: 'warning' };
  return { path: '', message: `${too} and differs; that one is used, and in a cluster the one that is applied last` };
}

/** RFC 7396 section 2. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const base = typeof target === 'object' && target !== null && !Array.isArray(target) ? target : {};
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}
