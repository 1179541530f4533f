import { type KeyObject, sign, X509Certificate } from 'node:crypto';

import { bitString, type DerValue, encodeDer, membersOf, parseDer, SEQUENCE, sequence, tagged } from '../pki/der.ts';
import { encodePem } from '../pki/pem.ts';

/**
 * The certificate of `pem` with `odd` extensions in place of its own of their kinds, signed anew by `key`: one that our
 * authority would never make.
 *
 * @returns PEM
 */
export function withExtensions(pem: string, odd: readonly DerValue[], key: KeyObject): string {
  const [body, algorithm] = members(parseDer(new X509Certificate(pem).raw)!);
  const fields = members(body!);
  const extensions = members((fields.at(-1)!.value as DerValue[])[0]!);
  const kind = (each: DerValue) => members(each)[0]!.value;
  const changed = extensions.map((each) => odd.find((other) => kind(other) === kind(each)) ?? each);
  const oddBody = sequence(...fields.slice(0, -1), tagged(3, sequence(...changed)));
  const signature = sign('sha256', encodeDer(oddBody), key);
  return encodePem('CERTIFICATE', encodeDer(sequence(oddBody, algorithm!, bitString(signature))));
}

function members(value: DerValue): readonly DerValue[] {
  return membersOf(value, SEQUENCE)!;
}
