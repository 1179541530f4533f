import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import * as tls from 'node:tls';

import { errorMessage } from '../../core/errors/weft-error.ts';
import { generateKeyPair, privateKeyPem, spkiOf } from '../../core/pki/key-pair.ts';
import { secured } from '../../core/tls/secured.ts';
import type { Issuer } from './issuer.ts';
import { IssuerError } from './issuer-material.ts';

/**
 * Makes a handshake in memory, as two proxies would, with a certificate that the issuer has just signed: whatever TLS finds
 * fault with (a root that is not self-signed, a weak signature, a constraint) is known before any workload depends on it.
 *
 * @throws IssuerError `issuer_not_accepted` with what either side said
 */
export async function trialHandshake(issuer: Issuer, now: number): Promise<void> {
  const keyPair = generateKeyPair();
  const names = { dns: [TRIAL_NAME], uris: [`spiffe://${TRIAL_NAME}`] };
  const spki = spkiOf(keyPair.publicKey);
  const issued = issuer.sign({ spki, sans: names, workload: null, lifetimeMs: LIFETIME_MS }, now);
  // Too little is left of the issuer: that is told wherever it signs.
  if (issued === null) return;
  const secureContext = tls.createSecureContext({
    cert: issued.chain,
    key: privateKeyPem(keyPair),
    ca: issuer.trustBundle,
    minVersion: 'TLSv1.3',
  });
  const [near, far] = duplexPair();
  const server = new tls.TLSSocket(far, {
    isServer: true,
    requestCert: true,
    rejectUnauthorized: false,
    secureContext,
  });
  const client = tls.connect({ socket: near, secureContext, servername: TRIAL_NAME });
  try {
    await Promise.all([once(client, 'secureConnect'), once(server, 'secure')]);
    const fault = secured(server);
    if (fault !== '') throw new Error(fault);
  } catch (error) {
    throw new IssuerError(
      'issuer_not_accepted',
      `TLS refuses what the issuer "${issuer.certificate.subject}" signs: ${(error as { code?: string }).code ?? errorMessage(error)}`,
      'trust roots are self-signed certificates, and every authority below one is in tls.crt',
    );
  } finally {
    for (const socket of [client, server]) socket.on('error', () => {}).destroy();
  }
}

const TRIAL_NAME = 'trial.weft.invalid';
const LIFETIME_MS = 60_000;
