import type { AskChoices } from './ask.ts';
import type { Choice } from './choice.ts';

/**
 * Routes whose parents are Servers, and what is asked for where they are. All are HTTPRoutes, of two API groups, or all are
 * GRPCRoutes: no specification says which of the two comes first at one Server.
 */
export class RouteGenerator {
  static readonly NAMES = ['items', 'rest'] as const;

  readonly #choice: Choice;
  readonly #servers: readonly string[];
  readonly #isGrpc: boolean;

  /** @param servers names that Servers may have */
  constructor(choice: Choice, servers: readonly string[]) {
    this.#choice = choice;
    this.#servers = servers;
    this.#isGrpc = choice.chance(4);
  }

  /** What may be asked: where routes are of gRPC, its requests alone, which are all POST. */
  get asked(): Omit<AskChoices, 'ports'> {
    return { hosts: HOSTS, headers: HEADERS, ...(this.#isGrpc ? GRPC : HTTP) };
  }

  /** What a policy for one of the routes may name. */
  get targets(): object[] {
    const kind = this.#isGrpc ? 'GRPCRoute' : 'HTTPRoute';
    return this.#groups().flatMap(({ group }) => RouteGenerator.NAMES.map((name) => ({ group, kind, name })));
  }

  /** @param isCertain whether there are routes for certain, in the namespace of the pod */
  manifests(isCertain: boolean): object[] {
    if (!isCertain && this.#choice.chance(3)) return [];
    return this.#groups().flatMap(({ group, version }) =>
      this.#choice.different(4, RouteGenerator.NAMES).map((name) => ({
        apiVersion: `${group}/${version}`,
        kind: this.#isGrpc ? 'GRPCRoute' : 'HTTPRoute',
        metadata: {
          namespace: isCertain ? 'default' : this.#home(),
          name,
          creationTimestamp: `2026-01-0${this.#day(group)}T00:00:00Z`,
        },
        spec: this.#spec(),
      })),
    );
  }

  #groups(): { readonly group: string; readonly version: string }[] {
    const gateway = { group: 'gateway.networking.k8s.io', version: 'v1' };
    return this.#isGrpc ? [gateway] : [gateway, { group: 'policy.linkerd.io', version: 'v1beta3' }];
  }

  #spec(): object {
    const hostnames = this.#choice.chance(2) ? this.#choice.different(2, HOSTNAMES) : [];
    const servers = this.#choice.some(3, () => this.#choice.pick(...this.#servers));
    return {
      parentRefs: [
        ...[...new Set(servers)].map((name) => ({ group: 'policy.linkerd.io', kind: 'Server', name })),
        ...(this.#choice.chance(8) ? [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' }] : []),
      ],
      ...(hostnames.length > 0 && { hostnames }),
      rules: this.#choice.some(2, () => {
        const matches = this.#choice.upTo(2, () => (this.#isGrpc ? this.#grpcMatch() : this.#httpMatch()));
        return matches.length > 0 ? { matches } : {};
      }),
    };
  }

  #httpMatch(): object {
    const query = this.#choice.chance(5) ? [this.#value('user', ['me', 'you'], 'm.*')] : [];
    return {
      ...(!this.#choice.chance(4) && { path: this.#path() }),
      ...(this.#choice.chance(4) && { method: this.#choice.pick('GET', 'POST', 'DELETE') }),
      ...this.#headers(),
      ...(query.length > 0 && { queryParams: query }),
    };
  }

  #path(): object {
    const pattern = this.#choice.pick('/a', '/a/[a-z]+', '/.*b', '/[ab].*', '.*');
    return this.#choice.pick<object>(
      { type: 'Exact', value: this.#choice.pick('/', '/a', '/a/b', '/a/') },
      { type: 'PathPrefix', value: this.#choice.pick('/', '/a', '/a/b', '/b/') },
      { value: this.#choice.pick('/', '/a', '/a/b', '/b/') },
      { type: 'RegularExpression', value: pattern },
    );
  }

  #grpcMatch(): object {
    const [service, method] = [
      { service: this.#choice.pick(...SERVICES) },
      { method: this.#choice.pick('Add', 'Get') },
    ];
    const named = this.#choice.pick<object>(service, method, { ...service, ...method, type: 'Exact' });
    return { ...(!this.#choice.chance(5) && { method: named }), ...this.#headers() };
  }

  #headers(): object {
    if (!this.#choice.chance(4)) return {};
    const names = this.#choice.different(2, ['X-Team', 'x-ring']);
    return { headers: names.map((name) => this.#value(name, ['blue', 'green'], 'b.*')) };
  }

  #value(name: string, values: readonly string[], pattern: string): object {
    return this.#choice.chance(3)
      ? { type: 'RegularExpression', name, value: pattern }
      : { ...(this.#choice.chance(2) && { type: 'Exact' }), name, value: this.#choice.pick(...values) };
  }

  #home(): string {
    return this.#choice.chance(8) ? 'team-a' : 'default';
  }

  /** Routes of one name and of two groups are never of one age: no specification says which of them comes first. */
  #day(group: string): number {
    return group === 'policy.linkerd.io' ? this.#choice.pick(1, 3) : this.#choice.pick(2, 4);
  }
}

const HOSTNAMES = ['api.example', 'x.api.example', '*.example', '*.api.example'] as const;
const HOSTS = [
  'api.example',
  'API.Example:80',
  'api.example.',
  'x.api.example',
  'y.x.api.example',
  'example',
  '10.1.0.1',
];
const HEADERS = { 'x-team': ['blue', 'green'], 'x-ring': ['blue', 'brown'] };
const SERVICES = ['shop.Cart', 'shop.Stock'] as const;
const GRPC = { methods: ['POST'], paths: ['/shop.Cart/Add', '/shop.Cart/Get', '/shop.Stock/Get', '/other.Desk/Add'] };
const HTTP = {
  methods: ['GET', 'POST', 'DELETE'],
  // The last ones are read otherwise by some servers.
  paths: [
    ...['/', '/a', '/a/', '/a/b', '/ab', '/a/b/c', '/b', '/b/c', '/a?user=me', '/a/b?x=1&user=you', '/?user=%6de'],
    ...['/%61', '/a/./b', '/b/../a', '/a//b', '/a%2Fb', '/a;v=1', '/a%2F..%2Fb', '/b\\c'],
  ],
};
