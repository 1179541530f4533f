import { sign } from 'node:crypto';

import { bitString, encodeDer, oid, parseDer, sequence, set, smallInteger, tagged } from './der.ts';
import { type SubjectAltNames, subjectAltName } from './extension.ts';
import { type KeyPair, spkiOf } from './key-pair.ts';
import { ECDSA_WITH_SHA256, EXTENSION_REQUEST } from './object-identifiers.ts';
import { encodePem } from './pem.ts';

/**
 * PEM of a certificate request (RFC 2986) with an empty subject and the names as subject alternative names, signed by
 * the key that it is for. Proxies and the control plane's own programs make one for each certificate.
 */
export function createCsr(request: { keyPair: KeyPair; sans: SubjectAltNames }): string {
  const { keyPair, sans } = request;
  const info = sequence(
    smallInteger(0),
    sequence(),
    parseDer(spkiOf(keyPair.publicKey))!,
    tagged(0, sequence(oid(EXTENSION_REQUEST), set(sequence(subjectAltName(sans, 'optional'))))),
  );
  const signature = sign('sha256', encodeDer(info), keyPair.privateKey);
  return encodePem(
    'CERTIFICATE REQUEST',
    encodeDer(sequence(info, sequence(oid(ECDSA_WITH_SHA256)), bitString(signature))),
  );
}
