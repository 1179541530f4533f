import { TEST_DOMAIN } from '../../../destination/testing/cluster.ts';
import { NETWORKS, POD, PRINCIPALS, podManifest, randomAsks } from './ask.ts';
import type { Choice } from './choice.ts';
import type { Dialect } from './dialect.ts';

/** AuthorizationPolicies of Istio, against their reference page. */
export const ISTIO: Dialect = {
  key: 'istio',
  author: 'Istio',
  evaluator: 'istio_policy.py',
  generate: (choice) => {
    const policies = new PolicyGenerator(choice).policies();
    const { namespace, labels, ip } = POD;
    return {
      manifests: [podManifest([{ name: 'http', containerPort: 8080 }]), ...policies.map(manifestOf)],
      told: { roots: ROOTS, pod: { namespace, labels, ip }, policies },
      asks: randomAsks(choice, ASKED),
    };
  },
};

/** A policy as the evaluator is told of it. */
interface GeneratedPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly dryRun: boolean;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Few values of each kind, so that most of what is asked for is asked about. */
class PolicyGenerator {
  readonly #choice: Choice;

  constructor(choice: Choice) {
    this.#choice = choice;
  }

  policies(): GeneratedPolicy[] {
    return this.#choice.upTo(3, (at) => ({
      namespace: this.#choice.pick('default', 'default', 'default', 'istio-system', 'weft', 'other'),
      name: `policy-${at}`,
      dryRun: this.#choice.chance(8),
      spec: this.#spec(this.#choice.chance(2) ? this.#choice.pick('ALLOW', 'DENY', 'DENY', 'AUDIT') : null),
    }));
  }

  /** What a token would say is asked for by those alone that allow: elsewhere it is refused as long as no token is read. */
  #spec(action: string | null): Readonly<Record<string, unknown>> {
    const readsTokens = action === null || action === 'ALLOW';
    return {
      ...(this.#choice.chance(2) && {
        selector: { matchLabels: this.#choice.pick({ app: 'api' }, { app: 'web' }, { tier: 'back' }) },
      }),
      ...(action !== null && { action }),
      ...(!this.#choice.chance(10) && { rules: this.#choice.some(3, () => this.#rule(readsTokens)) }),
    };
  }

  #rule(readsTokens: boolean): object {
    return {
      ...(this.#choice.chance(2) && { from: this.#choice.some(2, () => ({ source: this.#source(readsTokens) })) }),
      ...(this.#choice.chance(2) && { to: this.#choice.some(2, () => ({ operation: this.#demands(OPERATION, 2) })) }),
      ...(this.#choice.chance(3) && { when: this.#choice.some(2, () => this.#condition(readsTokens)) }),
    };
  }

  /** Service accounts stand alone, as in Istio. */
  #source(readsTokens: boolean): object {
    const { serviceAccounts: accounts, requestPrincipals, ...others } = SOURCE;
    if (readsTokens && this.#choice.chance(8)) return this.#demands({ requestPrincipals: requestPrincipals! }, 1);
    return this.#choice.chance(6) ? this.#demands({ serviceAccounts: accounts! }, 1) : this.#demands(others, 2);
  }

  #demands(table: Readonly<Record<string, readonly string[]>>, most: number): object {
    const names = Object.keys(table);
    const chosen = new Set(this.#choice.some(most, () => this.#choice.pick(...names)));
    return Object.fromEntries(
      [...chosen].flatMap((name) => {
        const values = () => this.#choice.some(2, () => this.#choice.pick(...table[name]!));
        const negated = `not${name[0]!.toUpperCase()}${name.slice(1)}`;
        return this.#choice.chance(3)
          ? [[negated, values()]]
          : [[name, values()], ...(this.#choice.chance(5) ? [[negated, values()] as const] : [])];
      }),
    );
  }

  #condition(readsTokens: boolean): object {
    const key = this.#choice.pick(...Object.keys(CONDITIONS).filter((each) => readsTokens || !OF_TOKENS.test(each)));
    const values = () => this.#choice.some(2, () => this.#choice.pick(...CONDITIONS[key]!));
    const isPositive = this.#choice.chance(2);
    return {
      key,
      ...(isPositive && { values: values() }),
      ...((!isPositive || this.#choice.chance(4)) && { notValues: values() }),
    };
  }
}

function manifestOf({ namespace, name, dryRun, spec }: GeneratedPolicy): object {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { namespace, name, ...(dryRun && { annotations: { 'istio.io/dry-run': 'true' } }) },
    spec,
  };
}

const ROOTS = ['istio-system', TEST_DOMAIN.controlNamespace];
const ASKED = {
  ports: [8080, 9090],
  methods: ['GET', 'POST', 'DELETE'],
  // The last ones are read otherwise by some servers.
  paths: [
    ...['/', '/a', '/a/', '/a/b', '/a/b?c=/x', '/ab', '/b/c/d', '/index.html'],
    ...['/%61', '/a/./b', '/b/../a', '/b//d', '/a%2Fb', '/a;v=1', '/b/c%2F..%2Fd', '/a\\b'],
  ],
  hosts: ['api.example', 'API.Example:80', 'api.example.', 'x.api.example', 'other', '10.1.0.1'],
  headers: {
    'x-team': ['blue', 'green', 'bluegreen'],
    'x-forwarded-for': ['10.1.2.3', '192.0.2.9, 10.2.0.1', '10.1.1.1, 192.0.2.9'],
  },
};
const OF_TOKENS = /^request\.auth\./;
const PRINCIPAL_VALUES = [...PRINCIPALS, 'cluster.local/ns/default/*', '*/sa/web', '*', '*a*'];
const NAMESPACE_VALUES = ['default', 'team-a', 'team-*', '*-b', '*', 't*m-a'];

const SOURCE: Readonly<Record<string, readonly string[]>> = {
  principals: PRINCIPAL_VALUES,
  requestPrincipals: ['*', 'https://issuer/sub'],
  namespaces: NAMESPACE_VALUES,
  serviceAccounts: ['web', 'default/job', 'team-a/web'],
  trustDomains: ['cluster.local', '*.local', 'other', '*'],
  ipBlocks: NETWORKS,
  remoteIpBlocks: NETWORKS,
};
const OPERATION: Readonly<Record<string, readonly string[]>> = {
  hosts: ['api.example', '*.example', 'API.EXAMPLE', 'api.*', '*', 'other', 'api.example:80'],
  ports: ['8080', '9090'],
  methods: ['GET', 'POST', '*', 'P*', '*T'],
  paths: ['/a', '/a*', '/a/*', '*.html', '*', '/', '/{*}', '/b/{*}/d', '/a/{**}', '/{**}/d', '*/b'],
};
const CONDITIONS: Readonly<Record<string, readonly string[]>> = {
  'request.headers[X-Team]': ['blue', 'blue*', '*green', '*'],
  'source.ip': NETWORKS,
  'remote.ip': NETWORKS,
  'source.namespace': NAMESPACE_VALUES,
  'source.principal': PRINCIPAL_VALUES,
  'destination.ip': ['10.9.0.1', '10.8.0.0/16'],
  'destination.port': ['8080', '9090'],
  'connection.sni': ['api.example', '*.example', '*'],
  'request.auth.principal': ['*'],
  'request.auth.claims[groups]': ['admin'],
};
