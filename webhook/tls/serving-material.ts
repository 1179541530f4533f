import { X509Certificate } from 'node:crypto';

import { CLOCK_SKEW_MS, createRoot } from '../../core/pki/authority.ts';
import { createLeaf, signerOf } from '../../core/pki/certificate.ts';
import type { SubjectAltNames } from '../../core/pki/extension.ts';
import { generateKeyPair, parsePrivateKey, privateKeyPem, spkiOf } from '../../core/pki/key-pair.ts';
import { isRenewalDue } from '../../core/time/renewal.ts';

/**
 * What the webhook serves with, as its Secret holds it: a leaf, and the authority that signed it. The API server trusts
 * the authority, so leaves change without telling it. Whoever reads the Secret can pose as the webhook in any case, so
 * the authority's key lies there too.
 */
export interface ServingMaterial {
  readonly 'tls.crt': string;
  readonly 'tls.key': string;
  /** Newest authority first; older ones follow while leaves of theirs may be in use. */
  readonly 'ca.crt': string;
  readonly 'ca.key': string;
}

/** Makes an authority and a leaf of it. @param now milliseconds since the epoch */
export function createMaterial(names: SubjectAltNames, now: number): ServingMaterial {
  const authority = newAuthority(now);
  return { ...authority, ...newLeaf(authority, names, now) };
}

/**
 * Material to replace `material` with, or null while it is good.
 *
 * A leaf is renewed when two thirds of its life are over or its names are not the ones wanted. An authority is renewed a
 * year before it ends, in two steps: first it is only announced beside the old one, and leaves follow at the next round
 * that comes {@link ANNOUNCE_MS} later, when every API server has it.
 *
 * Material that cannot be read is replaced whole.
 */
export function renewMaterial(material: ServingMaterial, names: SubjectAltNames, now: number): ServingMaterial | null {
  const read = readMaterial(material);
  if (!read) return createMaterial(names, now);
  const { leaf, authorities } = read;
  const newest = authorities[0]!;
  if (newest.validToDate.getTime() - now < AUTHORITY_RESERVE_MS) {
    const next = newAuthority(now);
    return { ...material, 'ca.crt': next['ca.crt'] + authorities[0]!.toString(), 'ca.key': next['ca.key'] };
  }
  const isOfNewest = leaf.checkIssued(newest) && leaf.verify(newest.publicKey);
  const isAnnounced = now - newest.validFromDate.getTime() > ANNOUNCE_MS + CLOCK_SKEW_MS;
  const isOld = isRenewalDue(leaf.validFromDate.getTime(), leaf.validToDate.getTime(), now);
  const isDue = isOld || !isFor(leaf, names);
  return isDue || (!isOfNewest && isAnnounced) ? { ...material, ...newLeaf(material, names, now) } : null;
}

/** The certificate of readable material, for the gauge of its expiry. */
export function leafOf(material: ServingMaterial): X509Certificate {
  return new X509Certificate(material['tls.crt']);
}

function readMaterial(material: ServingMaterial): { leaf: X509Certificate; authorities: X509Certificate[] } | null {
  try {
    const leaf = new X509Certificate(material['tls.crt']);
    const authorities = material['ca.crt']
      .split(/(?<=-----END CERTIFICATE-----\s)/)
      .filter((text) => text.trim() !== '');
    const keys = [parsePrivateKey(material['tls.key']), parsePrivateKey(material['ca.key'])];
    if (!keys[0] || !keys[1] || !leaf.checkPrivateKey(keys[0].privateKey)) return null;
    const certificates = authorities.map((text) => new X509Certificate(text));
    const isTrusted = certificates.some((authority) => leaf.verify(authority.publicKey));
    return isTrusted && certificates[0]!.checkPrivateKey(keys[1].privateKey)
      ? { leaf, authorities: certificates }
      : null;
  } catch {
    return null;
  }
}

function newAuthority(now: number): Pick<ServingMaterial, 'ca.crt' | 'ca.key'> {
  const { certificate, keyPair } = createRoot({ commonName: 'weft-webhook', lifetimeMs: AUTHORITY_LIFETIME_MS, now });
  return { 'ca.crt': certificate, 'ca.key': privateKeyPem(keyPair) };
}

function newLeaf(
  authority: Pick<ServingMaterial, 'ca.crt' | 'ca.key'>,
  names: SubjectAltNames,
  now: number,
): Pick<ServingMaterial, 'tls.crt' | 'tls.key'> {
  const issuer = new X509Certificate(authority['ca.crt']);
  const keyPair = generateKeyPair();
  const certificate = createLeaf(
    {
      spki: spkiOf(keyPair.publicKey),
      sans: names,
      workload: null,
      validity: { notBefore: now - CLOCK_SKEW_MS, notAfter: now + LEAF_LIFETIME_MS },
    },
    signerOf(issuer, parsePrivateKey(authority['ca.key'])!.privateKey),
  );
  return { 'tls.crt': certificate, 'tls.key': privateKeyPem(keyPair) };
}

function isFor(leaf: X509Certificate, { dns, ips = [] }: SubjectAltNames): boolean {
  return dns.every((name) => leaf.checkHost(name)) && ips.every((ip) => leaf.checkIP(ip));
}

const DAY_MS = 86_400_000;
const LEAF_LIFETIME_MS = 90 * DAY_MS;
const AUTHORITY_LIFETIME_MS = 3650 * DAY_MS;
const AUTHORITY_RESERVE_MS = 365 * DAY_MS;
/** Every replica has written the new authority into the registration long before. */
export const ANNOUNCE_MS = 3_600_000;
