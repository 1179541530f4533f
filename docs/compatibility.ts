import { KINDS, type Kind, POLICY_KINDS } from '../destination/objects/kinds.ts';
import { kindOf } from '../destination/objects/manifest-file.ts';
import { type GoldenDocument, goldenFiles, readGolden, translateGolden } from '../destination/testing/golden.ts';

/** What becomes of a field of a kind of routes and policies. */
export interface CompatibilityRow {
  /** `VirtualService`. */
  readonly kind: string;
  /** `spec.http[].match[].headers.{name}.exact`. */
  readonly field: string;
  /** `honoured`: without it something else happens; `reported`: it has no effect, and whoever wrote it is told so. */
  readonly state: 'honoured' | 'reported' | 'lost';
  /** Golden file that shows it. */
  readonly file: string;
}

/**
 * The table of compatibility, measured: each field of each golden manifest is left out and all is translated again. What
 * then differs is honoured; what has a report at its path is reported; what is neither would be lost silently.
 */
export function compatibilityRows(): CompatibilityRow[] {
  const rows = new Map<string, CompatibilityRow>();
  for (const file of goldenFiles()) {
    const documents = readGolden(file);
    const { reports, ...whole } = translateGolden(documents);
    const before = resultOf(whole);
    for (const [at, document] of documents.entries()) {
      const kind = policyOf(document);
      if (!kind) continue;
      const own = reports.filter(({ object }) => object?.kind === kind && object.name === document.metadata.name);
      for (const path of pathsOf(document.spec, ['spec'])) {
        // A slip of the pen that a golden manifest has on purpose.
        if (own.some(({ path: reported, message }) => reported === textOf(path) && message.startsWith('is unknown')))
          continue;
        const row = { kind: calledKind(kind), field: fieldOf(path), file };
        const isReported = own.some(({ path: reported }) => isAtOrAbove(reported, textOf(path)));
        const state = isReported ? 'reported' : isHonoured(documents, at, path, before) ? 'honoured' : 'lost';
        const key = `${row.kind} ${row.field}`;
        const known = rows.get(key);
        // A field that has an effect anywhere is honoured, though another of its values is reported.
        if (!known || ORDER.indexOf(state) < ORDER.indexOf(known.state)) rows.set(key, { ...row, state });
      }
    }
  }
  return [...rows.values()].sort((a, b) => (`${a.kind} ${a.field}` < `${b.kind} ${b.field}` ? -1 : 1));
}

/** The table of docs/reference/compatibility.md. */
export function compatibilityTable(): string {
  const explained = new Map(EXPLAINED.map((row) => [`${row.kind} ${row.field}`, row]));
  const measured = compatibilityRows().filter(({ kind, field }) => !explained.has(`${kind} ${field}`));
  const rows = [...measured.map((row) => ({ ...row, note: '' })), ...EXPLAINED].sort((a, b) =>
    `${a.kind} ${a.field}` < `${b.kind} ${b.field}` ? -1 : 1,
  );
  const line = ({ kind, field, state, note, file }: (typeof rows)[number]) =>
    `| ${kind} | \`${field}\` | ${state}${note && `: ${note}`} | ${file} |`;
  return ['| kind | field | state | shown by |', '|---|---|---|---|', ...rows.map(line)].join('\n');
}

/**
 * Every field that a kind's reader knows, learnt from what it says of one that it does not: `is unknown; known are …`.
 *
 * @returns `kind field`, as in {@link CompatibilityRow}
 */
export function knownFields(): Set<string> {
  const known = new Set<string>();
  for (const file of goldenFiles())
    for (const document of readGolden(file)) {
      const kind = policyOf(document);
      if (!kind) continue;
      for (const path of [['spec'], ...pathsOf(document.spec, ['spec'])]) {
        const copy = structuredClone(document) as GoldenDocument;
        const parent = valueAt(copy, path);
        if (!isObject(parent)) continue;
        parent[UNKNOWN] = 1;
        const { reports } = translateGolden([copy]);
        const report = reports.find(({ path: reported }) => reported === `${textOf(path)}.${UNKNOWN}`);
        const [, names] = /known are ([^;]*)/.exec(report?.message ?? '') ?? [];
        for (const name of names?.split(', ') ?? []) known.add(`${calledKind(kind)} ${fieldOf([...path, name])}`);
      }
    }
  return known;
}

function isHonoured(documents: readonly GoldenDocument[], at: number, path: Path, before: string): boolean {
  const copies = documents.map((document, i) => (i === at ? (structuredClone(document) as GoldenDocument) : document));
  const parent = valueAt(copies[at], path.slice(0, -1)) as Record<string | number, unknown>;
  const last = path.at(-1)!;
  if (Array.isArray(parent)) parent.splice(last as number, 1);
  else delete parent[last];
  const { reports: _, ...result } = translateGolden(copies);
  return resultOf(result) !== before;
}

type Path = readonly (string | number)[];

/** Every field below a value, outer ones first; entries of lists are no fields of their own. */
function* pathsOf(value: unknown, path: Path): Iterable<Path> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const next = [...path, Array.isArray(value) ? Number(key) : key];
    if (!Array.isArray(value)) yield next;
    yield* pathsOf(inner, next);
  }
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce((inner, key) => (inner as Record<string | number, unknown>)[key], value);
}

/** As reports spell it: `spec.http[0].match`. */
function textOf(path: Path): string {
  return path.map((key, at) => (typeof key === 'number' ? `[${key}]` : `${at > 0 ? '.' : ''}${key}`)).join('');
}

/** The same for every entry of a list, every key of a map, and wherever one reader reads the same fields. */
function fieldOf(path: Path): string {
  const text = path
    .map((key, at) => {
      if (typeof key === 'number') return '[]';
      const isKey = MAPS.includes(String(path[at - 1])) && !(String(path[at - 1]) === 'headers' && NAMED.includes(key));
      return `${at > 0 ? '.' : ''}${isKey ? '{name}' : key}`;
    })
    .join('');
  return SAME.reduce((field, [pattern, instead]) => field.replace(pattern, instead), text);
}

function isAtOrAbove(reported: string, path: string): boolean {
  return reported === path || path.startsWith(`${reported}.`) || path.startsWith(`${reported}[`);
}

function resultOf({ outbound, inbound }: { readonly outbound: object; readonly inbound: object }): string {
  return JSON.stringify([outbound, inbound]);
}

/** null: no kind of routes and policies. */
function policyOf({ apiVersion = '', kind }: GoldenDocument): Kind | null {
  const found = kindOf(apiVersion.includes('/') ? apiVersion.split('/')[0]! : '', kind);
  return found && POLICY_KINDS.includes(found) ? found : null;
}

function calledKind(kind: Kind): string {
  return KINDS[kind].name;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const EXPLAINED_IN: Readonly<Record<string, string>> = {
  DestinationRule: 'istio-destination-rule.yaml',
  HTTPLocalRateLimitPolicy: 'linkerd-rate-limit.yaml',
  HTTPRouteGroup: 'smi-traffic-split.yaml',
  RequestAuthentication: 'istio-request-authentication.yaml',
  ServiceEntry: 'istio-service-entry.yaml',
  TrafficSplit: 'smi-traffic-split.yaml',
  VirtualService: 'virtual-service.test.ts',
};

/** What leaving a field out cannot show: refused values, and what holds whatever the field says. */
export const EXPLAINED: readonly (CompatibilityRow & { readonly note: string })[] = [
  explained('DestinationRule', 'spec.trafficPolicy.connectionPool.http.useClientProtocol', 'honoured', 'always so'),
  explained(
    'DestinationRule',
    'spec.trafficPolicy.outlierDetection.consecutiveErrors',
    'honoured',
    'deprecated, as consecutiveGatewayErrors',
  ),
  explained('HTTPLocalRateLimitPolicy', 'spec.overrides[].clientRefs[].group', 'honoured', 'there is one group'),
  explained('HTTPLocalRateLimitPolicy', 'spec.targetRef.group', 'honoured', 'there is one group'),
  explained('HTTPLocalRateLimitPolicy', 'spec.targetRef.namespace', 'honoured', 'its own; another is refused'),
  explained('HTTPRouteGroup', 'spec.matches[].name', 'honoured', 'names a match; splits take the whole group'),
  explained('RequestAuthentication', 'spec.jwtRules[].timeout', 'honoured', 'of what destination fetches'),
  explained('RequestAuthentication', 'spec.targetRef.namespace', 'reported', 'refused, as in Istio'),
  explained('ServiceEntry', 'spec.location', 'honoured', 'a pod of the mesh is spoken to over mutual TLS either way'),
  explained('TrafficSplit', 'spec.matches[].apiGroup', 'honoured', 'there is one group'),
  explained('VirtualService', 'spec.http[].mirrorPercent', 'honoured', 'deprecated'),
  explained('VirtualService', 'spec.http[].fault.delay.exponentialDelay', 'reported', 'refused, as in Istio'),
  explained('VirtualService', 'spec.http[].fault.abort.http2Error', 'reported', 'refused, as in Istio'),
];

function explained(kind: string, field: string, state: CompatibilityRow['state'], note: string) {
  return { kind, field, state, note, file: EXPLAINED_IN[kind]! };
}

/** Places that are read alike: where a row stands for several, it is named after the first. */
const SAME: readonly (readonly [RegExp, string])[] = [
  [/^spec\.subsets\[\]\.trafficPolicy/, 'spec.trafficPolicy'],
  [/\.portLevelSettings\[\]\.(loadBalancer|connectionPool|outlierDetection|tls)/, '.$1'],
  [/\.http\[\]\.mirrors\[\]\.destination\./, '.http[].route[].destination.'],
  [/\.http\[\]\.mirror\.(host|port|subset)/, '.http[].route[].destination.$1'],
  [/\.http\[\]\.route\[\]\.headers/, '.http[].headers'],
  [/\.backendRefs\[\]\.filters\[\]/, '.filters[]'],
  [/\.filters\[\]\.requestMirror\.backendRef\./, '.backendRefs[].'],
  [/(\.(?:all|any)\[\]|\.not)+(?=\.)/, ''],
];

const ORDER = ['honoured', 'reported', 'lost'] as const;
const UNKNOWN = 'unknownField';
/** Fields whose keys are names that users choose. */
const MAPS = ['headers', 'withoutHeaders', 'queryParams', 'sourceLabels', 'matchLabels', 'labels', 'set', 'add', 'to'];
/** `headers` of a rule and of a destination has fields of its own. */
const NAMED = ['request', 'response'];
