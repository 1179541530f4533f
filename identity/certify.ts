import { X509Certificate } from 'node:crypto';

import type { CertifyResponse, WorkloadExtension } from '../api/certify.ts';
import { REVOCATIONS_CONFIG_MAP, type Revocations } from '../api/revocations.ts';
import {
  dnsIdentity,
  type IdentityDomain,
  isNameable,
  spiffeIdentity,
  type WorkloadIdentity,
} from '../api/workload-identity.ts';
import { errorMessage } from '../core/errors/weft-error.ts';
import type { Clock } from '../core/time/clock.ts';
import type { Authenticator } from './authenticate/authenticator.ts';
import { checkCsr } from './csr/check-csr.ts';
import type { OwnedNames } from './csr/rule.ts';
import type { Issuer } from './issue/issuer.ts';
import { Refusal } from './refusal.ts';

/** A certificate and who got it. */
export interface Certified {
  readonly response: CertifyResponse;
  readonly names: OwnedNames;
  readonly pod: WorkloadExtension;
  /** Serial number of the leaf, hexadecimal. */
  readonly serial: string;
}

/** What certifying needs; `issuer` is asked for each time, because it is replaced live. */
export interface CertifyContext {
  readonly authenticator: Authenticator;
  readonly issuer: () => Issuer;
  readonly domain: IdentityDomain;
  readonly lifetimeMs: number;
  readonly clock: Clock;
  /** Whom nobody trusts any more. Rejects where that cannot be known. */
  readonly revocations: () => Promise<Revocations>;
}

/**
 * Turns a decoded request body into a certificate: read it, authenticate the token, check the CSR, sign.
 *
 * The token is checked first, so that a stranger learns nothing about the rules behind it.
 */
export async function certify(body: unknown, context: CertifyContext): Promise<Certified | Refusal> {
  const request = readRequest(body);
  if (request instanceof Refusal) return request;
  const caller = await context.authenticator.authenticate(request.token);
  if (caller instanceof Refusal) return caller;
  const names = namesOf(caller.identity, context.domain);
  if (names instanceof Refusal) return names;
  const revoked = await revocationOf(names, context);
  if (revoked) return revoked;
  const csr = checkCsr(request.csr, names);
  if (csr instanceof Refusal) return csr;

  const issuer = context.issuer();
  const issued = issuer.sign(
    {
      spki: csr.spki,
      sans: { dns: [names.dns], uris: [names.uri] },
      workload: caller.pod,
      lifetimeMs: context.lifetimeMs,
    },
    context.clock.now(),
  );
  if (!issued) return new Refusal('issuer_expired', 'the issuer has expired; the operator must renew it');
  const response = {
    chain: issued.chain,
    trustBundle: issuer.trustBundle,
    notBefore: new Date(issued.validity.notBefore).toISOString(),
    notAfter: new Date(issued.validity.notAfter).toISOString(),
  };
  return { response, names, pod: caller.pod, serial: new X509Certificate(issued.leaf).serialNumber };
}

async function revocationOf(names: OwnedNames, { revocations }: CertifyContext): Promise<Refusal | null> {
  try {
    const { identities } = await revocations();
    if (!identities.includes(names.uri)) return null;
    return new Refusal('identity_revoked', `${names.uri} is revoked; the ConfigMap ${REVOCATIONS_CONFIG_MAP} names it`);
  } catch (error) {
    return new Refusal(
      'revocations_unavailable',
      `whether ${names.uri} is revoked cannot be read: ${errorMessage(error)}; try again`,
    );
  }
}

/** Names of a service account's certificate; refused where no TLS client could ask for them. */
export function namesOf(identity: WorkloadIdentity, domain: IdentityDomain): OwnedNames | Refusal {
  if (isNameable(identity, domain))
    return { dns: dnsIdentity(identity, domain), uri: spiffeIdentity(identity, domain) };
  return new Refusal(
    'identity_name_invalid',
    'namespace and service account make no DNS name of at most 253 characters and 63 a label; use shorter names',
  );
}

function readRequest(body: unknown): { token: string; csr: string } | Refusal {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return new Refusal('request_malformed', 'the body must be a JSON object with the fields token and csr');
  }
  const { token, csr } = body as Record<string, unknown>;
  if (typeof token !== 'string' || token.trim() === '')
    return new Refusal('token_missing', 'the field token must be a JWT');
  if (token.length > MAX_TOKEN_LENGTH) {
    return new Refusal('token_too_large', `the token is longer than ${MAX_TOKEN_LENGTH} octets`);
  }
  if (typeof csr !== 'string' || csr === '') {
    return new Refusal('csr_missing', 'the field csr must be a PEM certificate request');
  }
  return { token: token.trim(), csr };
}

/** Kubernetes' own tokens are 1 to 2 KiB; the contract allows 16. */
const MAX_TOKEN_LENGTH = 16 * 1024;
