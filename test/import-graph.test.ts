import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What each part may import besides itself. The longest matching key decides; a value is a folder or a package. */
const ALLOWED: Record<string, readonly string[]> = {
  api: [],
  core: ['api', 'core', 'node:', 'node-forge', 'pino', 'prom-client', '@kubernetes/client-node'],
  'core/regex': ['core/regex', 're2js'],
  'core/yaml': ['core/errors', 'core/yaml', 'yaml'],
  webhook: ['api', 'core', 'node:', 'fastify', 'fast-json-patch'],
  'webhook/inject': ['api', 'core', 'webhook/inject', 'fast-json-patch'],
  'webhook/validate': ['api', 'webhook/validate', 'destination/objects'],
  identity: ['api', 'core', 'node:', 'fastify'],
  destination: ['api', 'core', 'node:', 'fastify'],
  'destination/objects': ['api', 'core', 'destination/objects'],
  'destination/translate': ['api', 'core', 'destination/objects', 'destination/translate'],
  proxy: ['api', 'core', 'node:'],
  'proxy/http1': ['proxy/http1'],
  'proxy/http2': ['proxy/http2'],
  'proxy/routing': ['api', 'core', 'proxy/routing', 're2js'],
  'proxy/access': ['api', 'core', 'proxy/access', 'proxy/routing'],
  'proxy/tokens': ['api', 'core', 'proxy/tokens', 'proxy/access', 'proxy/routing'],
  'proxy/filters': ['api', 'core', 'proxy/filters', 'proxy/http.ts', 'proxy/routing'],
  'proxy/balance': ['api', 'proxy/balance'],
  'proxy/breaker': ['api', 'proxy/breaker', 'proxy/balance', 'proxy/log.ts'],
  'proxy/transport': [
    'api',
    'core',
    'node:',
    'koffi',
    'proxy/transport',
    'proxy/http.ts',
    'proxy/http1',
    'proxy/http2',
  ],
  'proxy/telemetry': ['api', 'node:', 'proxy/telemetry', 'proxy/transport'],
  'proxy/admin': [
    'api',
    'core',
    'node:',
    'proxy/admin',
    'proxy/answers.ts',
    'proxy/http.ts',
    'proxy/log.ts',
    'proxy/telemetry',
    'proxy/transport',
  ],
  'proxy/control': [
    'api',
    'core',
    'node:',
    'proxy/control',
    'proxy/config.ts',
    'proxy/http.ts',
    'proxy/http2',
    'proxy/log.ts',
    'proxy/telemetry',
    'proxy/transport',
  ],
  'proxy/init': ['api', 'core', 'node:', 'proxy/init'],
  'proxy/inbound': [
    'api',
    'core',
    'node:',
    'proxy/inbound',
    'proxy/access',
    'proxy/admin',
    'proxy/answers.ts',
    'proxy/connections.ts',
    'proxy/http.ts',
    'proxy/http2',
    'proxy/log.ts',
    'proxy/mesh-fields.ts',
    'proxy/routing',
    'proxy/telemetry',
    'proxy/tokens',
    'proxy/transport',
  ],
  'proxy/outbound': [
    'api',
    'core',
    'node:',
    'proxy/outbound',
    'proxy/admin',
    'proxy/answers.ts',
    'proxy/balance',
    'proxy/breaker',
    'proxy/connections.ts',
    'proxy/control',
    'proxy/filters',
    'proxy/http.ts',
    'proxy/http2',
    'proxy/log.ts',
    'proxy/mesh-fields.ts',
    'proxy/routing',
    'proxy/telemetry',
    'proxy/transport',
  ],
  cli: [
    'api',
    'core',
    'manifests',
    'webhook/inject',
    'webhook/configuration.ts',
    'destination/objects',
    'destination/translate',
    'proxy/access',
    'proxy/routing',
    'proxy/tokens',
    'node:',
    'yaml',
  ],
  manifests: ['api', 'node:', 'yaml'],
};

/** Never under `proxy/`: the engine serves the admin port and is the client of certify and watch. */
const FORBIDDEN_IN_PROXY = ['node:http', 'node:https', 'node:http2', 'undici', 'fastify', '@kubernetes/client-node'];

interface Edge {
  readonly file: string;
  readonly target: string;
}

function importsOf(file: string): Edge[] {
  const source = readFileSync(join(root, file), 'utf8');
  const edges: Edge[] = [];
  for (const match of source.matchAll(
    /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]|(?:^|\n)import\s+['"]([^'"]+)['"]/g,
  )) {
    const name = match[1] ?? match[2] ?? match[3]!;
    edges.push({ file, target: name.startsWith('.') ? normalize(join(dirname(file), name)) : name });
  }
  return edges;
}

function isUnder(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(prefix.endsWith(':') ? prefix : `${prefix}/`);
}

/** The longest part that holds a file. */
function ownerOf(file: string): string | undefined {
  return Object.keys(ALLOWED)
    .filter((key) => isUnder(file, key))
    .sort((a, b) => b.length - a.length)[0];
}

function faultOf({ file, target }: Edge): string | null {
  const owner = ownerOf(file);
  if (!owner) return `${file} belongs to no listed part`;
  const inTop = isUnder(target, file.split('/')[0]!);
  const pure = ALLOWED[owner]!.some((allowed) => allowed === owner);
  if (isUnder(file, 'proxy') && FORBIDDEN_IN_PROXY.includes(target))
    return `${file} imports ${target}, forbidden in the proxy`;
  if (inTop && (owner === file.split('/')[0] || (!pure && owner !== 'proxy'))) return null;
  return ALLOWED[owner]!.some((allowed) => isUnder(target, allowed))
    ? null
    : `${file} imports ${target}, not listed for ${owner}`;
}

/** The sources of a part and those below it, without tests. */
const sources = globSync(
  `{${Object.keys(ALLOWED)
    .filter((key) => !key.includes('/'))
    .join(',')}}/**/*.ts`,
  { cwd: root },
).filter((file) => !/(\.test|\.integration)\.ts$|\/testing\//.test(file));
const edges = new Map(sources.map((file) => [file, importsOf(file)]));

/** Groups of files that can all reach one another (Tarjan's strongly connected components), each sorted. */
function circlesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const path: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): number => {
    const index = order.size;
    order.set(file, index);
    low.set(file, index);
    path.push(file);
    for (const target of graph.get(file) ?? []) {
      const reached = order.has(target) ? (path.includes(target) ? order.get(target)! : index) : visit(target);
      low.set(file, Math.min(low.get(file)!, reached));
    }
    if (low.get(file) === index) {
      const circle = path.splice(path.indexOf(file));
      if (circle.length > 1) circles.push(circle.sort());
    }
    return low.get(file)!;
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return circles.sort();
}

t.test('every import is an edge that the design allows', async (t) => {
  t.ok(sources.length > 0, 'sources were found');
  for (const edge of [...edges.values()].flat()) {
    const fault = faultOf(edge);
    if (fault) t.fail(fault);
  }
});

t.test('no permission is one that nobody uses', async (t) => {
  const all = [...edges.values()].flat();
  for (const [owner, permissions] of Object.entries(ALLOWED)) {
    const own = all.filter(({ file }) => ownerOf(file) === owner);
    for (const permission of permissions) {
      if (permission === owner) continue;
      if (!own.some(({ target }) => isUnder(target, permission)))
        t.fail(`${owner} may import ${permission}, and does not`);
    }
  }
});

t.test('imports run in no circle, types included', async (t) => {
  const graph = new Map([...edges].map(([file, own]) => [file, own.map(({ target }) => target)]));
  t.same(circlesOf(graph), []);
  t.same(
    circlesOf(
      new Map([
        ['a', ['b']],
        ['b', ['c']],
        ['c', ['b', 'a']],
        ['d', ['a']],
      ]),
    ),
    [['a', 'b', 'c']],
  );
});

t.test('refuses an edge that is not listed', async (t) => {
  t.match(faultOf({ file: 'proxy/http2/frame-reader.ts', target: 'node:buffer' }), 'not listed for proxy/http2');
  t.match(faultOf({ file: 'proxy/admin/server.ts', target: 'node:http' }), 'forbidden in the proxy');
  t.match(faultOf({ file: 'identity/main.ts', target: 'destination/main.ts' }), 'not listed for identity');
  t.equal(faultOf({ file: 'webhook/main.ts', target: 'webhook/inject/decision.ts' }), null);
});
