/** A part of the product whose tests are asked what they notice. Patterns are those of `globSync`. */
export interface Area {
  /** Files that are changed; tests among them are left out. */
  readonly sources: readonly string[];
  /** Tests that shall notice: those beside the sources, and the few elsewhere that are about them. */
  readonly tests: readonly string[];
}

/** Every area, by the name that `make mutate` takes. */
export const AREAS: Readonly<Record<string, Area>> = {
  identity: {
    sources: ['identity/**/*.ts'],
    tests: ['identity/**/*.test.ts', 'core/pki/*.test.ts', 'test/access.test.ts'],
  },
  inject: {
    sources: ['webhook/inject/**/*.ts'],
    tests: ['webhook/inject/**/*.test.ts'],
  },
  routing: {
    sources: ['proxy/{routing,filters}/**/*.ts'],
    tests: ['proxy/{routing,filters}/**/*.test.ts'],
  },
  balance: {
    sources: ['proxy/{balance,breaker}/**/*.ts'],
    tests: ['proxy/{balance,breaker}/**/*.test.ts'],
  },
  http2: {
    sources: ['proxy/http2/*.ts'],
    tests: [
      'proxy/http2/**/*.test.ts',
      'test/split-invariance.test.ts',
      'test/integration/{early-answers,expect-continue,few-streams,odd-answers}.test.ts',
    ],
  },
  hpack: {
    sources: ['proxy/http2/hpack/*.ts'],
    tests: ['proxy/http2/hpack/*.test.ts', 'test/split-invariance.test.ts'],
  },
  http1: {
    sources: ['proxy/http1/**/*.ts'],
    tests: [
      'proxy/http1/**/*.test.ts',
      'test/split-invariance.test.ts',
      'test/integration/{early-answers,expect-continue,odd-answers,upgrades}.test.ts',
    ],
  },
  outbound: {
    sources: ['proxy/outbound/**/*.ts'],
    tests: [
      'proxy/outbound/**/*.test.ts',
      'test/integration/{blame,carriage,data-path,discovery-unavailable,early-answers,endpoint-state,expect-continue}.test.ts',
      'test/integration/{explicit-proxy,external-hosts,few-streams,ingress,kept-connections,octets-balance,odd-answers,own-endpoint}.test.ts',
      'test/integration/{outbound-connections,refusals,request-overrides,series,traffic-policy,tunnels,unmarked-ports,upgrades}.test.ts',
    ],
  },
  tokens: {
    sources: ['{core/jwt,destination/keys,proxy/tokens}/*.ts', 'proxy/access/token-attributes.ts'],
    tests: ['{core/jwt,destination/keys,proxy/tokens}/*.test.ts', 'proxy/access/condition.test.ts'],
  },
  istio: {
    sources: ['destination/{objects,translate}/istio/**/*.ts'],
    tests: ['destination/{objects,translate}/**/*.test.ts', 'webhook/validate/**/*.test.ts'],
  },
  'gateway-api': {
    sources: ['destination/{objects,translate}/gateway-api/**/*.ts'],
    tests: ['destination/{objects,translate}/**/*.test.ts', 'webhook/validate/**/*.test.ts'],
  },
  'destination-server': {
    sources: ['destination/server/**/*.ts'],
    tests: ['destination/server/**/*.test.ts'],
  },
};
