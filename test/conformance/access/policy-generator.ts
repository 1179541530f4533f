import type { Random } from '../../../core/testing/random.ts';

/** Somebody who asks, as the oracle is told of him. */
export interface Ask {
  /** Empty: without an identity. */
  readonly principal: string;
  readonly address: string;
  readonly port: number;
  readonly sni: string;
  /** The rest of it is not seen. */
  readonly octets: boolean;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A policy as both are told of it. */
export interface GeneratedPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly dryRun: boolean;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Few values of each kind, so that most of what is asked for is asked about. */
export class PolicyGenerator {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  policies(): GeneratedPolicy[] {
    return Array.from({ length: this.#random.below(4) }, (_, at) => ({
      namespace: this.#pick('default', 'default', 'default', 'istio-system', 'weft', 'other'),
      name: `policy-${at}`,
      dryRun: this.#chance(8),
      spec: this.#spec(this.#chance(2) ? this.#pick('ALLOW', 'DENY', 'DENY', 'AUDIT') : null),
    }));
  }

  /** What a token would say is asked for by those alone that allow: elsewhere it is refused as long as no token is read. */
  #spec(action: string | null): Readonly<Record<string, unknown>> {
    const readsTokens = action === null || action === 'ALLOW';
    return {
      ...(this.#chance(2) && {
        selector: { matchLabels: this.#pick({ app: 'api' }, { app: 'web' }, { tier: 'back' }) },
      }),
      ...(action !== null && { action }),
      ...(!this.#chance(10) && { rules: this.#some(3, () => this.#rule(readsTokens)) }),
    };
  }

  asks(count: number): Ask[] {
    return Array.from({ length: count }, () => this.#ask(this.#chance(4)));
  }

  /** Only TLS that passes through as it is has asked for a name. */
  #ask(octets: boolean): Ask {
    return {
      principal: this.#pick('', ...PRINCIPALS),
      address: this.#pick('10.1.2.3', '10.2.0.1', '192.0.2.7', 'fd00::1'),
      port: this.#pick(8080, 9090),
      sni: octets ? this.#pick('', 'api.example', 'x.api.example') : '',
      octets,
      method: this.#pick('GET', 'POST', 'DELETE'),
      path: this.#pick('/', '/a', '/a/b', '/a/b?c=/x', '/ab', '/b/c/d', '/b//d', '/index.html', '/a/'),
      host: this.#pick('api.example', 'API.Example:80', 'api.example.', 'x.api.example', 'other', '10.1.0.1'),
      headers: {
        ...(this.#chance(2) && { 'x-team': this.#pick('blue', 'green', 'bluegreen') }),
        ...(this.#chance(3) && {
          'x-forwarded-for': this.#pick('10.1.2.3', '192.0.2.9, 10.2.0.1', '10.1.1.1, 192.0.2.9'),
        }),
      },
    };
  }

  #rule(readsTokens: boolean): object {
    return {
      ...(this.#chance(2) && { from: this.#some(2, () => ({ source: this.#source(readsTokens) })) }),
      ...(this.#chance(2) && { to: this.#some(2, () => ({ operation: this.#demands(OPERATION, 2) })) }),
      ...(this.#chance(3) && { when: this.#some(2, () => this.#condition(readsTokens)) }),
    };
  }

  /** Service accounts stand alone, as in Istio. */
  #source(readsTokens: boolean): object {
    const { serviceAccounts: accounts, requestPrincipals, ...others } = SOURCE;
    if (readsTokens && this.#chance(8)) return this.#demands({ requestPrincipals: requestPrincipals! }, 1);
    return this.#chance(6) ? this.#demands({ serviceAccounts: accounts! }, 1) : this.#demands(others, 2);
  }

  #demands(table: Readonly<Record<string, readonly string[]>>, most: number): object {
    const names = Object.keys(table);
    const chosen = new Set(this.#some(most, () => this.#pick(...names)));
    return Object.fromEntries(
      [...chosen].flatMap((name) => {
        const values = () => this.#some(2, () => this.#pick(...table[name]!));
        const negated = `not${name[0]!.toUpperCase()}${name.slice(1)}`;
        return this.#chance(3)
          ? [[negated, values()]]
          : [[name, values()], ...(this.#chance(5) ? [[negated, values()] as const] : [])];
      }),
    );
  }

  #condition(readsTokens: boolean): object {
    const key = this.#pick(...Object.keys(CONDITIONS).filter((each) => readsTokens || !OF_TOKENS.test(each)));
    const values = () => this.#some(2, () => this.#pick(...CONDITIONS[key]!));
    const isPositive = this.#chance(2);
    return {
      key,
      ...(isPositive && { values: values() }),
      ...((!isPositive || this.#chance(4)) && { notValues: values() }),
    };
  }

  #some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: 1 + this.#random.below(most) }, make);
  }

  #pick<T>(...from: readonly T[]): T {
    return from[this.#random.below(from.length)]!;
  }

  /** True once in so many times. */
  #chance(times: number): boolean {
    return this.#random.below(times) === 0;
  }
}

const OF_TOKENS = /^request\.auth\./;
const PRINCIPALS = [
  'cluster.local/ns/default/sa/web',
  'cluster.local/ns/default/sa/job',
  'cluster.local/ns/team-a/sa/web',
  'cluster.local/ns/team-b/sa/api',
];
const NETWORKS = ['10.1.0.0/16', '10.0.0.0/8', '192.0.2.0/24', '10.1.2.3', 'fd00::/8', '0.0.0.0/0'];
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
