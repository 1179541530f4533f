import {
  parseRevocations,
  REVOKED_IDENTITIES_KEY,
  REVOKED_SERIALS_KEY,
  type Revocations,
} from '../../../api/revocations.ts';
import { FieldReader } from '../field-reader.ts';
import type { Fields } from '../json.ts';
import { type Meta, readMeta } from '../meta.ts';
import type { Problem } from '../problem.ts';

/** The ConfigMap that names certificates and workloads that nobody trusts any more. */
export interface RevocationList extends Meta, Revocations {}

/** Reads its lines. One that names nothing is told; the others hold. @throws MalformedObject */
export function readRevocationList(raw: Fields, problems: Problem[]): RevocationList {
  const reader = FieldReader.root(raw, '', problems);
  const data = reader.textMap('data');
  reader.nested('data')?.allow([REVOKED_SERIALS_KEY, REVOKED_IDENTITIES_KEY]);
  const { revocations, faults } = parseRevocations(data);
  for (const { key, line, wanted } of faults) reader.problem(`data.${key}`, `"${line}" is no ${wanted}`);
  return { ...readMeta(raw), ...revocations };
}
