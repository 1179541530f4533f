import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What each part may import besides itself. The longest matching key decides; a value is a folder or a package. */
const ALLOWED: Record<string, readonly string[]> = {
  api: [],
  core: [
    'api',
    'core',
    'node:',
    're2js',
    'node-forge',
    'pino',
    'prom-client',
    'yaml',
    '@kubernetes/client-node',
    'koffi',
  ],
  webhook: ['api', 'core', 'manifests', 'destination/objects', 'node:', 'fastify', 'fast-json-patch', 'prom-client'],
  'webhook/inject': ['api', 'core', 'webhook/inject', 'fast-json-patch', 'yaml'],
  'webhook/validate': ['api', 'core', 'webhook/validate', 'destination/objects', 'yaml'],
  identity: ['api', 'core', 'node:', 'fastify', 'prom-client'],
  'core/regex': ['core/regex', 're2js'],
  destination: ['api', 'core', 'node:', 'fastify', 'yaml', 're2js', 'prom-client'],
  'destination/objects': ['api', 'core', 'destination/objects', 're2js', 'yaml'],
  'destination/translate': ['api', 'core', 'destination/objects', 'destination/translate', 're2js', 'yaml'],
  proxy: ['api', 'core', 'node:'],
  'proxy/http1': ['proxy/http1'],
  'proxy/http2': ['proxy/http2'],
  'proxy/routing': ['api', 'core', 'proxy/routing', 're2js'],
  'proxy/filters': ['api', 'core', 'proxy/filters', 'proxy/http.ts', 'proxy/routing', 're2js'],
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
  cli: [
    'api',
    'core',
    'manifests',
    'webhook/inject',
    'webhook/configuration.ts',
    'webhook/validate',
    'destination/objects',
    'destination/translate',
    'proxy/routing',
    'node:',
    'yaml',
    'fast-json-patch',
    'dashboard',
  ],
  dashboard: ['api', 'node:'],
  manifests: ['api', 'core', 'node:', 'yaml'],
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

function faultOf({ file, target }: Edge): string | null {
  const owner = Object.keys(ALLOWED)
    .filter((key) => isUnder(file, key))
    .sort((a, b) => b.length - a.length)[0];
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

t.test('every import is an edge that the design allows', async (t) => {
  const files = globSync(
    `{${Object.keys(ALLOWED)
      .filter((key) => !key.includes('/'))
      .join(',')}}/**/*.ts`,
    { cwd: root },
  );
  const sources = files.filter((file) => !/(\.test|\.integration)\.ts$|\/testing\//.test(file));
  t.ok(sources.length > 0, 'sources were found');
  for (const edge of sources.flatMap(importsOf)) {
    const fault = faultOf(edge);
    if (fault) t.fail(fault);
  }
});

t.test('refuses an edge that is not listed', async (t) => {
  t.match(faultOf({ file: 'proxy/http2/frame-reader.ts', target: 'node:buffer' }), 'not listed for proxy/http2');
  t.match(faultOf({ file: 'proxy/admin/server.ts', target: 'node:http' }), 'forbidden in the proxy');
  t.match(faultOf({ file: 'identity/main.ts', target: 'destination/main.ts' }), 'not listed for identity');
  t.equal(faultOf({ file: 'webhook/main.ts', target: 'webhook/inject/decision.ts' }), null);
});
