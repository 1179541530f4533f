import { type KeyObject, sign } from 'node:crypto';

import {
  bitString,
  type DerValue,
  encodeDer,
  oid,
  parseDer,
  sequence,
  set,
  smallInteger,
  tagged,
  utf8String,
} from '../../core/pki/der.ts';
import { generateKeyPair, spkiOf } from '../../core/pki/key-pair.ts';
import { COMMON_NAME, ECDSA_WITH_SHA256, EXTENSION_REQUEST } from '../../core/pki/object-identifiers.ts';
import { encodePem } from '../../core/pki/pem.ts';

/** What a forged request says; every part has an honest default. */
export interface Forgery {
  readonly key?: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  /** SubjectPublicKeyInfo in place of the key's. */
  readonly spki?: Uint8Array;
  readonly signatureAlgorithm?: string;
  readonly commonName?: string;
  /** Extensions asked for. */
  readonly extensions?: readonly DerValue[];
  /** Changes the signature's octets. */
  readonly spoilSignature?: boolean;
}

/** A PEM certificate request that no honest client makes, for tests. */
export function forgeRequest(forgery: Forgery): string {
  const key = forgery.key ?? generateKeyPair();
  const subject = forgery.commonName === undefined ? [] : [commonName(forgery.commonName)];
  const asked = sequence(oid(EXTENSION_REQUEST), set(sequence(...(forgery.extensions ?? []))));
  const spki = parseDer(forgery.spki ?? spkiOf(key.publicKey))!;
  const info = sequence(smallInteger(0), sequence(...subject), spki, tagged(0, asked));
  const signature = sign('sha256', encodeDer(info), key.privateKey);
  if (forgery.spoilSignature) signature[signature.length - 1]! ^= 1;
  const algorithm = sequence(oid(forgery.signatureAlgorithm ?? ECDSA_WITH_SHA256));
  return encodePem('CERTIFICATE REQUEST', encodeDer(sequence(info, algorithm, bitString(signature))));
}

function commonName(name: string): DerValue {
  return set(sequence(oid(COMMON_NAME), utf8String(name)));
}
