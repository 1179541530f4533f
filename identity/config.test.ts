import t from 'tap';

import type { ConfigError } from '../core/config/environment.ts';
import { readConfig } from './config.ts';

const HOUR_MS = 3_600_000;
const EMBEDDED = {
  WEFT_IDENTITY_MODE: 'embedded',
  WEFT_IDENTITY_ISSUER_DIRECTORY: '/issuer',
  WEFT_IDENTITY_TOKEN_KEY_FILE: '/token.pub',
};

/** Names of the variables that are wrong. */
function problemsOf(variables: Record<string, string>): string[] {
  try {
    readConfig(variables);
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map((problem) => problem.split(' ')[0]!.replace('WEFT_IDENTITY_', ''));
  }
}

t.test('without an environment identity serves a cluster', async (t) => {
  t.same(readConfig({}), {
    listen: { host: '::', port: 8443 },
    adminListen: { host: '::', port: 9990 },
    domain: { trustDomain: 'cluster.local', controlNamespace: 'weft' },
    issuanceLifetimeMs: 24 * HOUR_MS,
    authorityLifetimeMs: 87_600 * HOUR_MS,
    embedded: null,
    logLevel: 'info',
    shutdownGraceMs: 10_000,
  });
});

t.test('embedded, it needs an issuer and the key of tokens', async (t) => {
  t.same(readConfig(EMBEDDED).embedded, {
    issuerDirectory: '/issuer',
    trustRootsFile: null,
    tokenKeyFile: '/token.pub',
    tokenIssuer: 'weft.dev/embedded',
  });
  t.equal(readConfig({ ...EMBEDDED, WEFT_IDENTITY_TRUST_ROOTS_FILE: '/roots' }).embedded?.trustRootsFile, '/roots');
  t.same(problemsOf({ WEFT_IDENTITY_MODE: 'embedded' }), ['ISSUER_DIRECTORY', 'TOKEN_KEY_FILE']);
});

t.test('lifetimes have bounds', async (t) => {
  const lifetime = (name: string, value: string) => problemsOf({ [`WEFT_IDENTITY_${name}`]: value });
  for (const [name, least, most, less, more] of [
    ['ISSUANCE_LIFETIME', '10s', '720h', '9s', '721h'],
    ['AUTHORITY_LIFETIME', '1h', '219000h', '59m', '219001h'],
  ] as const) {
    t.same([lifetime(name, least), lifetime(name, most)], [[], []]);
    t.same([lifetime(name, less), lifetime(name, more)], [[name], [name]]);
  }
});

t.test('everything that is wrong is named at once', async (t) => {
  t.same(problemsOf({ WEFT_IDENTITY_MODE: 'other', WEFT_IDENTITY_LISTEN: 'x', WEFT_IDENTITY_LOG_LEVEL: 'loud' }), [
    ...['MODE', 'LISTEN', 'LOG_LEVEL'],
  ]);
});
