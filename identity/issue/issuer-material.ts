import { X509Certificate } from 'node:crypto';

import { WeftError } from '../../core/errors/weft-error.ts';
import { certificateText, type IssuerFiles } from '../../core/pki/issuer-files.ts';
import { isP256, type KeyPair, parsePrivateKey, spkiOf } from '../../core/pki/key-pair.ts';
import { decodePem } from '../../core/pki/pem.ts';

/** Texts that an issuer is made of, as a directory or a Secret holds them. */
export interface IssuerMaterial {
  readonly files: IssuerFiles;
  /** PEM of the roots to trust; null: those that the files hold. */
  readonly roots: string | null;
}

/** Why an issuer is not fit to sign. */
export type IssuerFault =
  | 'issuer_certificate_missing'
  | 'issuer_certificate_malformed'
  | 'issuer_key_missing'
  | 'issuer_key_malformed'
  | 'issuer_key_not_p256'
  | 'issuer_key_mismatch'
  | 'issuer_not_ca'
  | 'issuer_expired'
  | 'issuer_not_yet_valid'
  | 'issuer_path_too_long'
  | 'issuer_not_trusted'
  | 'issuer_not_accepted'
  | 'trust_roots_missing'
  | 'trust_roots_malformed';

/** An issuer that is not fit to sign. At the start it ends identity; later the issuer in force stays. */
export class IssuerError extends WeftError {
  constructor(code: IssuerFault, message: string, hint = '') {
    super(code, message, { hint });
    this.name = 'IssuerError';
  }
}

/** Reads certificates and key out of their texts and checks that they belong together. */
export function readMaterial({ files, roots }: IssuerMaterial): {
  /** The issuer first, then what else its file holds. */
  readonly chain: readonly X509Certificate[];
  readonly keyPair: KeyPair;
  readonly roots: readonly X509Certificate[];
} {
  const chain = readChain(files);
  return { chain, keyPair: readKey(files, chain[0]!), roots: readRoots(roots ?? files['ca.crt'], chain) };
}

function readChain(files: IssuerFiles): readonly X509Certificate[] {
  const text = certificateText(files);
  if (!text) {
    throw new IssuerError(
      'issuer_certificate_missing',
      'the issuer has neither tls.crt nor crt.pem',
      'put the issuer certificate, followed by its intermediates, into tls.crt',
    );
  }
  const chain = readCertificates(text);
  if (!chain) throw new IssuerError('issuer_certificate_malformed', 'the issuer certificate cannot be read as PEM');
  return chain;
}

function readKey(files: IssuerFiles, certificate: X509Certificate): KeyPair {
  const text = files['tls.key'] ?? files['key.pem'];
  if (!text) throw new IssuerError('issuer_key_missing', 'the issuer has neither tls.key nor key.pem');
  const keyPair = parsePrivateKey(text);
  if (!keyPair)
    throw new IssuerError('issuer_key_malformed', 'the issuer key cannot be read as an unencrypted PEM key');
  if (!isP256(spkiOf(keyPair.publicKey))) {
    throw new IssuerError('issuer_key_not_p256', 'the issuer key is not ECDSA P-256');
  }
  if (!certificate.checkPrivateKey(keyPair.privateKey)) {
    throw new IssuerError('issuer_key_mismatch', 'the issuer key does not belong to the issuer certificate');
  }
  return keyPair;
}

/** Roots to trust; where none are given, a self-signed certificate at the end of the chain. */
function readRoots(text: string | undefined, chain: readonly X509Certificate[]): readonly X509Certificate[] {
  if (text !== undefined) {
    const roots = readCertificates(text);
    if (!roots) throw new IssuerError('trust_roots_malformed', 'the trust roots cannot be read as PEM certificates');
    return roots;
  }
  const last = chain.at(-1)!;
  if (last.checkIssued(last)) return [last];
  throw new IssuerError(
    'trust_roots_missing',
    'no trust roots are given, and the chain of the issuer ends in none',
    'add the root as ca.crt beside the issuer',
  );
}

function readCertificates(text: string): readonly X509Certificate[] | null {
  try {
    const certificates = decodePem(text, 'CERTIFICATE')?.map((der) => new X509Certificate(der));
    return certificates?.length ? certificates : null;
  } catch {
    return null;
  }
}
