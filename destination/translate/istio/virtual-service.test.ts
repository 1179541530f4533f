import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { readVirtualService } from '../../objects/istio/read-virtual-service.ts';
import { MalformedObject, type Problem } from '../../objects/problem.ts';

t.test('the manifest of the user guide is read without a fault', async (t) => {
  const file = join(import.meta.dirname, '../../../test/fixtures/user/istio-virtual-service.yaml');
  const problems: Problem[] = [];
  const { hosts, http } = readVirtualService(parse(readFileSync(file, 'utf8')), problems);
  t.same(problems, []);
  t.same(hosts, ['api-service']);
  t.match(http, [
    {
      destinations: [
        { destination: { host: 'api-service', subset: 'stable' }, weight: 90 },
        { destination: { host: 'api-service', subset: 'canary' }, weight: 10 },
      ],
      timeoutMs: 10_000,
      retries: { policy: { limit: 3, perTryMs: 3000 } },
    },
  ]);
});

const ROUTE = [{ destination: { host: 'api' } }];

/** What is refused: a `spec`, and the complaint of the whole object. */
const REFUSED: Readonly<Record<string, readonly [spec: object, complaint: RegExp]>> = {
  'a field that is unknown': [{ hosts: ['api'], http: [{ rout: ROUTE, route: ROUTE }] }, /http\[0\]\.rout is unknown/],
  'no rules': [{ hosts: ['api'] }, /^spec has neither http nor tls nor tcp/],
  'every host of the mesh': [{ hosts: ['*'], http: [{ route: ROUTE }] }, /hosts\[0\] "\*" is for gateways alone/],
  'a host twice': [{ hosts: ['api', 'API'], http: [{ route: ROUTE }] }, /hosts\[1\] "api" is covered by "api"/],
  'a host that a wildcard beside it covers': [
    { hosts: ['*.example.com', 'a.example.com'], http: [{ route: ROUTE }] },
    /hosts\[1\] "a\.example\.com" is covered by "\*\.example\.com"/,
  ],
  'connections without hosts': [{ tcp: [{ route: ROUTE }] }, /spec\.hosts is missing/],
  'a rule that does nothing': [{ hosts: ['api'], http: [{ timeout: '1s' }] }, /http\[0\] does nothing/],
  'a redirect beside a route': [
    { hosts: ['api'], http: [{ route: ROUTE, redirect: { uri: '/' } }] },
    /http\[0\]\.redirect excludes route/,
  ],
  'an answer beside a rewrite': [
    { hosts: ['api'], http: [{ rewrite: { uri: '/' }, directResponse: { status: 200 } }] },
    /directResponse excludes rewrite/,
  ],
  'an empty rewrite': [{ hosts: ['api'], http: [{ route: ROUTE, rewrite: {} }] }, /rewrite says nothing/],
  'two rewrites of the path': [
    { hosts: ['api'], http: [{ route: ROUTE, rewrite: { uri: '/', uriRegexRewrite: { match: 'a', rewrite: 'b' } } }] },
    /uriRegexRewrite excludes uri/,
  ],
  'two rewrites of the host': [
    {
      hosts: ['api'],
      http: [{ route: ROUTE, rewrite: { authority: 'a' }, headers: { request: { set: { Host: 'b' } } } }],
    },
    /changes Host beside rewrite\.authority/,
  ],
  'an empty prefix': [{ hosts: ['api'], http: [{ match: [{ uri: { prefix: '' } }], route: ROUTE }] }, /uri\.prefix/],
  'two ways to match a text': [
    { hosts: ['api'], http: [{ match: [{ uri: { prefix: '/', exact: '/' } }], route: ROUTE }] },
    /has exact and prefix/,
  ],
  'a pattern that is no RE2': [
    { hosts: ['api'], http: [{ match: [{ uri: { regex: '(?=a)' } }], route: ROUTE }] },
    /match\[0\]\.uri\.regex/,
  ],
  'claims of a token': [
    {
      hosts: ['api'],
      http: [{ match: [{ headers: { '@request.auth.claims.group': { exact: 'a' } } }], route: ROUTE }],
    },
    /gateways alone/,
  ],
  'a destination everywhere': [
    { hosts: ['api'], http: [{ route: [{ destination: { host: '*' } }] }] },
    /"\*" stands for many hosts/,
  ],
  'port 0': [
    { hosts: ['api'], http: [{ route: [{ destination: { host: 'api', port: { number: 0 } } }] }] },
    /port\.number is no whole number from 1 to 65535/,
  ],
  'a negative weight': [{ hosts: ['api'], http: [{ route: [{ ...ROUTE[0], weight: -1 }, ...ROUTE] }] }, /weight/],
  'several destinations without a weight': [
    { hosts: ['api'], http: [{ route: [...ROUTE, ...ROUTE] }] },
    /no weight above 0/,
  ],
  'retries that are switched off and described': [
    { hosts: ['api'], http: [{ route: ROUTE, retries: { attempts: 0, retryOn: '5xx' } }] },
    /retryOn is written where attempts is 0/,
  ],
  'a condition of retries that is unknown': [
    { hosts: ['api'], http: [{ route: ROUTE, retries: { attempts: 1, retryOn: 'often' } }] },
    /"often" is no condition/,
  ],
  'a blank among the conditions of retries': [
    { hosts: ['api'], http: [{ route: ROUTE, retries: { attempts: 1, retryOn: '5xx, reset' } }] },
    /blanks are not allowed/,
  ],
  'a time that is none': [{ hosts: ['api'], http: [{ route: ROUTE, timeout: '10' }] }, /timeout "10" is no duration/],
  'an empty fault': [{ hosts: ['api'], http: [{ route: ROUTE, fault: {} }] }, /fault has neither delay nor abort/],
  'a delay that no proxy has': [
    { hosts: ['api'], http: [{ route: ROUTE, fault: { delay: { exponentialDelay: '1s' } } }] },
    /exponentialDelay is not supported/,
  ],
  'an abort that no proxy has': [
    { hosts: ['api'], http: [{ route: ROUTE, fault: { abort: { http2Error: 'CANCEL' } } }] },
    /http2Error is not supported/,
  ],
  'a share above 100 %': [
    { hosts: ['api'], http: [{ route: ROUTE, fault: { abort: { httpStatus: 500, percentage: { value: 101 } } } }] },
    /percentage\.value/,
  ],
  'a mirror beside mirrors': [
    { hosts: ['api'], http: [{ route: ROUTE, mirror: { host: 'a' }, mirrors: [{ destination: { host: 'b' } }] }] },
    /mirror excludes mirrors/,
  ],
  'part of a second for browsers to remember': [
    { hosts: ['api'], http: [{ route: ROUTE, corsPolicy: { maxAge: '1500ms' } }] },
    /maxAge is no whole number of seconds/,
  ],
  'a header that delimits messages': [
    { hosts: ['api'], http: [{ route: ROUTE, headers: { request: { set: { 'Content-Length': '1' } } } }] },
    /cannot be changed/,
  ],
  'a server name that is none of the hosts': [
    { hosts: ['a.example.com'], tls: [{ match: [{ sniHosts: ['b.example.com'] }], route: ROUTE }] },
    /covered by none of the hosts/,
  ],
  'TLS without server names': [{ hosts: ['api'], tls: [{ match: [{}], route: ROUTE }] }, /sniHosts is missing/],
  'a subnet that is none': [
    { hosts: ['api'], tcp: [{ match: [{ destinationSubnets: ['10.0.0.0/33'] }], route: ROUTE }] },
    /neither an address nor a CIDR/,
  ],
  'everybody beside somebody': [{ hosts: ['api'], exportTo: ['*', 'a'], http: [{ route: ROUTE }] }, /exportTo/],
};

for (const [what, [spec, complaint]] of Object.entries(REFUSED))
  t.test(`${what} is refused`, async (t) => {
    try {
      readVirtualService({ metadata: { name: 'vs', namespace: 'default' }, spec }, []);
      t.fail('it was read');
    } catch (error) {
      t.ok(error instanceof MalformedObject, String(error));
      t.match((error as Error).message, complaint);
    }
  });

t.test('what is not honoured is told, and the rest holds', async (t) => {
  const problems: Problem[] = [];
  const spec = {
    hosts: ['api'],
    http: [
      { match: [{ uri: { prefix: '/a' } }], fault: { abort: { httpStatus: 500 } }, route: ROUTE },
      { match: [{ headers: { uri: { exact: '/' } } }], route: ROUTE },
      { route: ROUTE, headers: { request: { set: { 'x-a': '%UNKNOWN%' } } } },
      { route: ROUTE },
    ],
  };
  readVirtualService({ metadata: { name: 'vs', namespace: 'default' }, spec }, problems);
  t.same(
    problems.map(({ path, severity }) => [path, severity]),
    [
      ['spec.http[0].fault.abort.percentage', 'warning'],
      ['spec.http[1].match[0].headers.uri', 'warning'],
      ['spec.http[2].headers.request.set.x-a', 'warning'],
      ['spec.http[2]', 'warning'],
      ['spec.http[3]', 'warning'],
    ],
  );
});
