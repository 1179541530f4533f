/**
 * Paths written so that a policy and a server may read them differently, at servers that other people wrote: none is a way round
 * a refusal, and none slips through a permission to something else. docs/guide/access-policy.md has the table.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';

import type { AccessCondition, AccessLayer } from '../../api/access-policy.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { TestAuthority, TestProxy } from '../support/mesh.ts';

const authority = new TestAuthority();
const folder = mkdtempSync(join(tmpdir(), 'weft-tricks-'));
t.teardown(() => rmSync(folder, { recursive: true }));

const TRICKS = [
  ...[
    '/admin',
    '//x/admin',
    '///x/admin',
    '/\\\\x/admin',
    '/admin/',
    '/admin?a=b',
    '/admin/x',
    '//admin',
    '///admin',
    '/./admin',
    '/x/../admin',
    '/x/..//admin',
  ],
  ...['/%61dmin', '/%2561dmin', '/x/%2e%2e/admin', '/x/%2E%2E%2Fadmin', '/x/..%2fadmin', '/%2fadmin', '/%2Fadmin/x'],
  ...[
    '/\\admin',
    '/x\\..\\admin',
    '/x%5c..%5cadmin',
    '/%5cadmin',
    '/admin;x=1',
    '/;x/admin',
    '/x;/../admin',
    '/..;/admin',
  ],
  ...[
    '/admin%20',
    '/admin%00',
    '/admin%00.html',
    '/admin#x',
    '/admin%23',
    '/admin%3f',
    '/admin/.',
    '/admin/%2e',
    '/admin%2F',
  ],
  ...[
    '/admin%2f..',
    '/ADMIN',
    '/admin.',
    '/%c0%afadmin',
    '/%ffadmin',
    '/x/%ff/../../admin',
    `/${'a'.repeat(8000)}/../admin`,
  ],
  ...['/api/../admin', '/api/..;/admin', '/api/%2e%2e/admin', '/api//../admin', '/api/..%2fadmin', '/api/..%5cadmin'],
  ...[
    '/api/..%252fadmin',
    '/api/x/../../admin',
    '/api/%2e%2e%2fadmin',
    '/api;x/../admin',
    '/api/.%2e/admin',
    '/api/\\../admin',
  ],
  ...[
    'http://api-service/admin',
    'HTTP://API-SERVICE:80/admin',
    'http://api-service//admin',
    'http://api-service./api/../admin',
  ],
];

interface Application {
  readonly name: string;
  /** @returns how to end it; null: it is not installed */
  start(port: number): (() => void) | null;
}

/** Each says `admin` at /admin and below, `api` below /api/, and `other` elsewhere, as its own routing has it. */
const APPLICATIONS: readonly Application[] = [
  {
    name: 'node:http',
    start(port) {
      const server = http.createServer((request, answer) => {
        const { pathname } = new URL(request.url!, 'http://api-service');
        answer.end(/^\/admin(\/|$)/.test(pathname) ? 'admin' : pathname.startsWith('/api/') ? 'api' : 'other');
      });
      server.listen(port, '127.0.0.1');
      return () => {
        server.close();
        server.closeAllConnections();
      };
    },
  },
  {
    name: 'nginx',
    start(port) {
      const place = mkdtempSync(join(folder, 'nginx-'));
      const answer = (text: string) => `{ return 200 ${text}; }`;
      writeFileSync(
        join(place, 'nginx.conf'),
        `daemon off; master_process off; pid ${place}/pid; error_log ${place}/error.log;
         events {}
         http { access_log off; client_body_temp_path ${place}/b; proxy_temp_path ${place}/p; fastcgi_temp_path ${place}/f;
           uwsgi_temp_path ${place}/u; scgi_temp_path ${place}/s; large_client_header_buffers 4 32k;
           server { listen 127.0.0.1:${port};
             location = /admin ${answer('admin')} location /admin/ ${answer('admin')}
             location /api/ ${answer('api')} location / ${answer('other')} } }`,
      );
      return program('nginx', ['-p', place, '-c', join(place, 'nginx.conf')]);
    },
  },
  {
    name: 'Go net/http',
    start(port) {
      const source = join(folder, 'main.go');
      const binary = join(folder, 'server');
      writeFileSync(
        source,
        `package main
import ("net/http"; "os")
func say(text string) http.HandlerFunc { return func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(text)) } }
func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("/admin", say("admin")); mux.HandleFunc("/admin/", say("admin"))
	mux.HandleFunc("/api/", say("api")); mux.HandleFunc("/", say("other"))
	http.ListenAndServe("127.0.0.1:"+os.Args[1], mux)
}
`,
      );
      try {
        execFileSync('go', ['build', '-o', binary, source], {
          stdio: 'ignore',
          env: { ...process.env, GO111MODULE: 'off' },
        });
      } catch {
        return null;
      }
      return program(binary, [String(port)]);
    },
  },
  {
    name: 'wsgiref',
    start: (port) =>
      program('python3', [
        '-c',
        `import sys
from wsgiref.simple_server import make_server, WSGIRequestHandler
class Quiet(WSGIRequestHandler):
    def log_message(self, *a): pass
def app(environ, start):
    path = environ['PATH_INFO']
    start('200 OK', [('content-type', 'text/plain')])
    return [b'admin' if path == '/admin' or path.startswith('/admin/') else b'api' if path.startswith('/api/') else b'other']
make_server('127.0.0.1', int(sys.argv[1]), app, handler_class=Quiet).serve_forever()`,
        String(port),
      ]),
  },
];

function program(command: string, args: readonly string[]): (() => void) | null {
  let child: ChildProcess;
  try {
    execFileSync('which', [command], { stdio: 'ignore' });
    child = spawn(command, args, { stdio: 'ignore' });
  } catch {
    return null;
  }
  return () => child.kill('SIGKILL');
}

/** Sends a target as it is written. @returns the last line of the answer's body, or its status where it is none of the application */
function ask(port: number, target: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = net.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' }, () =>
      socket.write(`GET ${target} HTTP/1.1\r\nHost: api-service\r\nConnection: close\r\n\r\n`),
    );
    socket.setEncoding('latin1').on('data', (piece) => {
      text += piece;
    });
    const end = () => {
      const status = /^HTTP\/1\.[01] (\d+)/.exec(text)?.[1] ?? 'cut off';
      const said = /(admin|api|other)(\r\n0)?\s*$/.exec(text)?.[1];
      resolve(status === '200' && said ? said : status);
    };
    socket.on('error', end).on('end', end).setTimeout(5000, end);
  });
}

const path = (match: object): AccessCondition => ({ request: { path: match } });
const ADMIN = { any: [path({ exact: '/admin' }), path({ prefix: '/admin/' })] };
const POLICIES: Readonly<Record<string, AccessLayer>> = {
  'a DENY of /admin': { deny: [{ when: ADMIN, origin: 'deny' }], allow: null, origin: 'deny' },
  'an ALLOW of /api/*': { deny: [], allow: [{ when: path({ prefix: '/api/' }), origin: 'allow' }], origin: 'allow' },
};

async function proxied(t: Test, port: number, layer: AccessLayer): Promise<number> {
  const access = { mutualTls: { mode: 'permissive', origin: 'default' } as const, layers: [layer] };
  const proxy = new TestProxy('api', authority, { inbound: { access } });
  t.teardown(() => proxy.close());
  return proxy.listenInbound(port);
}

for (const { name, start } of APPLICATIONS)
  t.test(name, async (t) => {
    const port = await freePort();
    const end = start(port);
    if (!end) return void t.pass(`${name} is not installed`, { skip: `${name} is not installed` });
    t.teardown(end);
    if (!(await eventually(async () => (await ask(port, '/api/')) === 'api', 10_000)))
      return t.fail('it does not answer');
    const bare: string[] = [];
    for (const trick of TRICKS) if ((await ask(port, trick)) === 'admin') bare.push(trick);
    t.ok(bare.length > 5, `without a proxy ${bare.length} of ${TRICKS.length} paths lead to /admin`);
    for (const [policy, layer] of Object.entries(POLICIES)) {
      const guarded = await proxied(t, port, layer);
      const allowed = policy.startsWith('a DENY') ? ['other', 'api'] : ['api'];
      const passed: string[] = [];
      for (const trick of TRICKS) {
        const answer = await ask(guarded, trick);
        if (/^[a-z]+$/.test(answer) && !allowed.includes(answer)) passed.push(`${trick.slice(0, 60)}: ${answer}`);
      }
      t.same(passed, [], `${policy} is got round by none`);
      t.equal(await ask(guarded, '/api/items'), 'api', 'and lets by what is asked honestly');
    }
  });
