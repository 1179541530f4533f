import { createPublicKey } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';

import type { CertifyRequest } from '../../api/certify.ts';
import { dnsIdentity, spiffeIdentity } from '../../api/workload-identity.ts';
import type { TestAuthority } from './control-plane.ts';

/** How the next request is answered. */
export interface IdentityAnswer {
  readonly status: number;
  readonly body: string;
}

/** Identity for tests: certifies the key of every request as destination's, whatever token it shows. */
export class TestIdentity {
  readonly requests: CertifyRequest[] = [];
  /** Replaces the answer; null: a certificate. */
  answer: IdentityAnswer | null = null;
  lifetimeMs = 3_600_000;
  readonly #authority: TestAuthority;
  readonly #server: Server;

  constructor(authority: TestAuthority, account = 'weft-identity') {
    this.#authority = authority;
    this.#server = createServer(authority.serving(account), (request, response) => {
      let text = '';
      request.on('data', (chunk) => {
        text += chunk;
      });
      request.on('end', () => {
        const body = JSON.parse(text) as CertifyRequest;
        this.requests.push(body);
        response.statusCode = this.answer?.status ?? 200;
        response.end(this.answer?.body ?? JSON.stringify(this.#certify(body.csr)));
      });
    });
    this.#server.on('tlsClientError', () => {});
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #certify(csr: string) {
    const workload = { namespace: 'weft', serviceAccount: 'weft-destination' };
    const notAfter = Date.now() + this.lifetimeMs;
    return {
      chain: this.#authority.certifyKey(keyOfCsr(csr), {
        sans: {
          dns: [dnsIdentity(workload, this.#authority.domain)],
          uris: [spiffeIdentity(workload, this.#authority.domain)],
        },
        workload: { pod: 'destination', uid: 'd' },
        validity: { notBefore: Date.now() - 60_000, notAfter },
      }),
      trustBundle: this.#authority.bundle,
      notBefore: new Date().toISOString(),
      notAfter: new Date(notAfter).toISOString(),
    };
  }
}

/** The P-256 key of a request: its SubjectPublicKeyInfo always has the same 91 octets around the point. */
function keyOfCsr(csr: string): Buffer {
  const der = Buffer.from(csr.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const at = der.indexOf(Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex'));
  const spki = der.subarray(at, at + 91);
  createPublicKey({ key: spki, format: 'der', type: 'spki' });
  return spki;
}
