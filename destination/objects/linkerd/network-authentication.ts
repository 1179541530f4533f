import { FieldReader } from '../field-reader.ts';
import type { Fields } from '../json.ts';
import { type Meta, readMeta } from '../meta.ts';
import { networkFault } from '../network-fault.ts';
import { type Problem, refuseErrors } from '../problem.ts';

/** Networks that an AuthorizationPolicy lets in: any of them. */
export interface NetworkAuthentication extends Meta {
  readonly networks: readonly Network[];
}

/** A network, or an address, without some parts of it. */
export interface Network {
  readonly cidr: string;
  readonly except: readonly string[];
}

/**
 * Reads a NetworkAuthentication.
 *
 * @throws MalformedObject
 * @see https://linkerd.io/2/reference/authorization-policy/#networkauthentication
 */
export function readNetworkAuthentication(raw: Fields, problems: Problem[]): NetworkAuthentication {
  const meta = readMeta(raw);
  const found: Problem[] = [];
  const reader = FieldReader.ofSpec(raw, found);
  reader.allow(['networks']);
  const networks = readNetworks(reader);
  if (networks.length === 0) reader.problem('networks', 'names none');
  refuseErrors(found, problems);
  return { ...meta, networks };
}

/** Reads a list `networks`. */
export function readNetworks(reader: FieldReader): Network[] {
  return reader.nestedList('networks').map((entry) => {
    entry.allow(['cidr', 'except']);
    return {
      cidr: entry.optionalText('cidr', networkFault) ?? missing(entry),
      except: entry.texts('except', networkFault),
    };
  });
}

function missing(entry: FieldReader): string {
  if (!entry.has('cidr')) entry.problem('cidr', 'is missing');
  return '';
}
