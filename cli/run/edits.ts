import { INJECT, ROUTE_PROFILE_ANNOTATION } from '../../api/names.ts';
import type { Fields } from '../../destination/objects/json.ts';
import type { Kind } from '../../destination/objects/kinds.ts';
import { formatRef } from '../../destination/objects/object-ref.ts';
import type { Put } from '../../destination/objects/object-store.ts';

/** Objects as they are written, by `KIND/NAMESPACE/NAME`. */
export type Written = ReadonlyMap<string, Put>;

/** Objects before and after an edit. */
export interface Edit {
  /** What the pods of the mesh were started from. */
  readonly running: Written;
  /** What the edited files held before. */
  readonly before: Written;
  /** What they hold now. */
  readonly after: Written;
  /** Objects of which destination has put something in force, by the same names. */
  readonly changed: ReadonlySet<string>;
}

/** `KIND/NAMESPACE/NAME` of an object. */
export function refOfPut({ kind, raw }: Put): string {
  const { namespace = '', name = '' } = raw.metadata as { namespace?: string; name?: string };
  return formatRef({ kind, namespace, name });
}

/**
 * Says of every object that an edit changes what becomes of it, a line each: `applied`, `restart to apply` with the fields
 * that pods and addresses were made from, `as it runs` where such a field is back as it was at the start. Pure.
 */
export function linesOfEdit({ running, before, after, changed }: Edit): string[] {
  const lines: string[] = [];
  for (const ref of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(ref), after.get(ref)];
    if (isEqual(old?.raw, now?.raw)) continue;
    const { kind, place } = (now ?? old)!;
    const how = old ? (now ? 'changed' : 'removed') : 'added';
    const started = startFields(kind, running.get(ref)?.raw);
    const toRestart = differences(started, startFields(kind, now?.raw));
    const wasToRestart = differences(started, startFields(kind, old?.raw));
    if (toRestart.includes(EXISTENCE)) lines.push(`restart to apply: ${ref} ${how} (${place})`);
    else if (toRestart.length > 0)
      lines.push(
        `restart to apply: ${ref}: ${LIST.format(toRestart)} ${toRestart.length > 1 ? 'have' : 'has'} changed (${place})`,
      );
    else if (wasToRestart.length > 0) lines.push(`as it runs: ${ref} (${place})`);
    const isOfStart = toRestart.length > 0 || wasToRestart.length > 0;
    if (changed.has(ref) && (!isOfStart || !isEqual(annotationsOf(old?.raw), annotationsOf(now?.raw))))
      lines.push(`applied: ${ref} ${how} (${place})`);
  }
  return lines;
}

/** Values of the fields of an object that count at the start alone, by path; {@link EXISTENCE}: whether it is there. */
function startFields(kind: Kind, raw: Fields | undefined): Record<string, unknown> {
  const spec = (raw?.spec ?? {}) as Record<string, unknown>;
  switch (kind) {
    case 'Deployment': {
      const { metadata, spec: podSpec } = (spec.template ?? {}) as Record<string, Record<string, unknown> | undefined>;
      const { [ROUTE_PROFILE_ANNOTATION]: _, ...annotations } = (metadata?.annotations ?? {}) as Record<
        string,
        unknown
      >;
      return {
        [EXISTENCE]: raw !== undefined,
        'spec.replicas': spec.replicas ?? 1,
        'spec.template.metadata.labels': metadata?.labels ?? {},
        'spec.template.metadata.annotations': annotations,
        'spec.template.spec': podSpec ?? {},
      };
    }
    case 'Service':
      return {
        [EXISTENCE]: raw !== undefined,
        ...Object.fromEntries(SERVICE_FIELDS.map((field) => [`spec.${field}`, spec[field] ?? null])),
      };
    case 'Namespace': {
      const { labels, annotations } = (raw?.metadata ?? {}) as Record<string, Record<string, unknown> | undefined>;
      return { [INJECT]: labels?.[INJECT] ?? annotations?.[INJECT] ?? null };
    }
    case 'Pod':
    case 'ReplicaSet':
      return { [EXISTENCE]: false };
    default:
      return {};
  }
}

function differences(a: Record<string, unknown>, b: Record<string, unknown>): string[] {
  return Object.keys(a).filter((field) => !isEqual(a[field], b[field]));
}

function annotationsOf(raw: Fields | undefined): unknown {
  return (raw?.metadata as { annotations?: unknown } | undefined)?.annotations ?? {};
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

const EXISTENCE = '';
/** Of these the addresses, names and endpoints are made. */
const SERVICE_FIELDS = ['selector', 'ports', 'clusterIP', 'ipFamilies', 'ipFamilyPolicy'];
const LIST = new Intl.ListFormat('en-GB', { type: 'conjunction' });
