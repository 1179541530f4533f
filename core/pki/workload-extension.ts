import { WORKLOAD_EXTENSION_OID, type WorkloadExtension } from '../../api/certify.ts';
import {
  contentsOf,
  contextTag,
  type DerValue,
  fromBinary,
  membersOf,
  parseDer,
  parseInner,
  SEQUENCE,
  UTF8_STRING,
  utf8String,
} from './der.ts';
import { type Extension, extension, parseExtensions } from './extension.ts';

/** The extension that says which pod a certificate was made for. */
export function workloadExtension({ pod, uid }: WorkloadExtension): DerValue {
  return extension(WORKLOAD_EXTENSION_OID, 'optional', utf8String(JSON.stringify({ pod, uid })));
}

/**
 * The pod that a certificate was made for, from its DER octets.
 *
 * @returns null where the certificate names none, or names it in a way that is not {@link WorkloadExtension}'s: whoever
 *   gives something to a workload must then give nothing
 */
export function readWorkloadExtension(certificateDer: Uint8Array): WorkloadExtension | null {
  const extensions = certificateExtensions(certificateDer);
  const found = extensions?.find(({ oid }) => oid === WORKLOAD_EXTENSION_OID);
  const text = found && contentsOf(parseInner(found.value) ?? undefined, UTF8_STRING);
  return text ? parseWorkload(fromBinary(text).toString('utf8')) : null;
}

/** Extensions of a certificate (RFC 5280 section 4.1); null where the octets are no certificate of version 3. */
export function certificateExtensions(certificateDer: Uint8Array): readonly Extension[] | null {
  const outer = parseDer(certificateDer);
  const members = membersOf(membersOf(outer ?? undefined, SEQUENCE)?.[0], SEQUENCE);
  const wrapped = members?.find((member) => membersOf(member, contextTag(EXTENSIONS)) !== null);
  return parseExtensions(membersOf(wrapped, contextTag(EXTENSIONS))?.[0]);
}

function parseWorkload(json: string): WorkloadExtension | null {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null) return null;
    const { pod, uid } = value as Record<string, unknown>;
    return typeof pod === 'string' && pod !== '' && typeof uid === 'string' && uid !== '' ? { pod, uid } : null;
  } catch {
    return null;
  }
}

/** Number of the tag around a certificate's extensions. */
const EXTENSIONS = 3;
