import { POD, podManifest, randomAsks } from './ask.ts';
import type { Choice } from './choice.ts';
import type { Dialect } from './dialect.ts';

/** TrafficTargets of the Service Mesh Interface, in each version that clusters have, against its specification. */
export const SMI: Dialect = {
  key: 'smi',
  author: 'SMI',
  evaluator: 'smi_policy.py',
  generate: (choice) => {
    const manifests = choice.shuffled(new TargetGenerator(choice).manifests());
    return { manifests, told: { manifests }, asks: randomAsks(choice, ASKED) };
  },
};

/** Few values of each kind, so that most references lead somewhere, and some nowhere. */
class TargetGenerator {
  readonly #choice: Choice;

  constructor(choice: Choice) {
    this.#choice = choice;
  }

  manifests(): object[] {
    const choice = this.#choice;
    return [
      podManifest([{ name: 'http', containerPort: 8080 }]),
      ...choice.upTo(3, (at) => this.#target(`target-${at}`)),
      ...HOMES.flatMap((home) => [
        ...choice.different(3, GROUPS).map((name) => this.#group(home, name)),
        ...choice.different(3, PORTS).map((name) => this.#tcpRoute(home, name)),
      ]),
    ];
  }

  /** The oldest version has its fields beside the metadata and calls rules otherwise; the two older ones may have a port. */
  #target(name: string): object {
    const version = this.#choice.pick('v1alpha3', 'v1alpha3', 'v1alpha2', 'v1alpha1');
    const namespace = this.#home();
    const [account, port] = [this.#choice.pick('api', 'api', 'api', 'web'), this.#choice.pick(8080, 9090)];
    const hasPort = version !== 'v1alpha3' && this.#choice.chance(2);
    const destination = {
      ...{ kind: 'ServiceAccount', name: account, ...(this.#choice.chance(2) && { namespace }) },
      ...(hasPort && { port: version === 'v1alpha1' ? String(port) : port }),
    };
    const sources = this.#choice.some(2, () => this.#source());
    const rules = this.#choice.upTo(3, () => this.#rule());
    const fields = version === 'v1alpha1' ? { specs: rules } : { rules };
    const object = {
      apiVersion: `access.smi-spec.io/${version}`,
      kind: 'TrafficTarget',
      metadata: { namespace, name },
    };
    const content = { destination, sources, ...fields };
    return version === 'v1alpha1' ? { ...object, ...content } : { ...object, spec: content };
  }

  #source(): object {
    const namespace = this.#choice.pick('default', 'team-a', 'team-b');
    const name = this.#choice.pick('web', 'job', 'api');
    return { kind: 'ServiceAccount', name, ...(!this.#choice.chance(3) && { namespace }) };
  }

  #rule(): object {
    if (this.#choice.chance(3)) return { kind: 'TCPRoute', name: this.#choice.pick(...PORTS) };
    const matches = this.#choice.different(2, MATCHES);
    return { kind: 'HTTPRouteGroup', name: this.#choice.pick(...GROUPS), ...(matches.length > 0 && { matches }) };
  }

  /** Headers are a list of maps at first, one map since the last version; the two oldest have no `spec`. */
  #group(namespace: string, name: string): object {
    const version = this.#choice.pick('v1alpha4', 'v1alpha4', 'v1alpha3', 'v1alpha2', 'v1alpha1');
    const matches = this.#choice.some(3, () => this.#match(version === 'v1alpha4'));
    const object = {
      apiVersion: `specs.smi-spec.io/${version}`,
      kind: 'HTTPRouteGroup',
      metadata: { namespace, name },
    };
    return version < 'v1alpha3' ? { ...object, matches } : { ...object, spec: { matches } };
  }

  #match(hasHeaderMap: boolean): object {
    const headers = this.#choice.different(2, ['X-Team', 'x-ring']).map((each) => ({
      [each]: this.#choice.pick('blue', 'b.*', '^green$', 'bl'),
    }));
    const methods = this.#choice.upTo(2, () => this.#choice.pick('GET', 'POST', 'DELETE', '*'));
    return {
      name: this.#choice.pick(...MATCHES),
      ...(!this.#choice.chance(3) && { pathRegex: this.#choice.pick(...PATTERNS) }),
      ...(methods.length > 0 && { methods }),
      ...(headers.length > 0 &&
        this.#choice.chance(3) && { headers: hasHeaderMap ? Object.assign({}, ...headers) : headers }),
    };
  }

  /** It has ports since the last version, and need not name any. */
  #tcpRoute(namespace: string, name: string): object {
    const version = this.#choice.pick('v1alpha4', 'v1alpha4', 'v1alpha3', 'v1alpha1');
    const object = { apiVersion: `specs.smi-spec.io/${version}`, kind: 'TCPRoute', metadata: { namespace, name } };
    if (version === 'v1alpha1') return object;
    if (version === 'v1alpha3') return { ...object, spec: {} };
    const ports = this.#choice.upTo(2, () => this.#choice.pick(8080, 9090, 7070));
    return { ...object, spec: { matches: ports.length > 0 ? { ports } : { name } } };
  }

  #home(): string {
    return this.#choice.chance(6) ? 'team-a' : POD.namespace;
  }
}

const HOMES = ['default', 'team-a'];
const GROUPS = ['reads', 'writes', 'all'] as const;
const MATCHES = ['one', 'two', 'three'] as const;
const PORTS = ['web', 'metrics', 'any'] as const;
const PATTERNS = ['/a', '/a$', '/a/.*', '.*', '/', '/[ab]/b', '^/b', '/a|/b', '/a/[^/]+$'] as const;
const ASKED = {
  ports: [8080, 9090, 7070],
  methods: ['GET', 'POST', 'DELETE'],
  // The last ones are read otherwise by some servers.
  paths: [
    ...['/', '/a', '/a/', '/a/b', '/ab', '/a/b/c', '/b', '/b/c', '/a?b=/c', '/c/a'],
    ...['/%61', '/a/./b', '/c/../a', '/a//b', '/a%2Fb', '/a;v=1', '/a%2F..%2Fb', '/b\\c'],
  ],
  hosts: ['api.example', 'other'],
  headers: { 'x-team': ['blue', 'green', 'greenish', 'black', 'blond'], 'x-ring': ['blue', 'a blue one', 'green'] },
};
