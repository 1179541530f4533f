import { FieldReader } from '../field-reader.ts';
import { type Fields, isPort } from '../json.ts';
import { type Meta, readMeta } from '../meta.ts';
import { type Problem, refuseErrors } from '../problem.ts';
import { readWorkloadSelector, type WorkloadSelector } from './workload-selector.ts';

/** What a server does about mutual TLS; `UNSET`: as the next wider object says. */
export type PeerMode = 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT';

/** Whether clients of some workloads have to prove who they are. */
export interface PeerAuthentication extends Meta {
  /** null: every workload of the namespace, or of the mesh in its root namespace. */
  readonly selector: WorkloadSelector | null;
  readonly mode: PeerMode;
  /** By the port that the workload itself listens on. */
  readonly ports: Readonly<Record<string, PeerMode>>;
  /** It stands for one that cannot be read, and so comes before all others that it may have been narrower than. Absent: it does not. */
  readonly isStandIn?: true;
}

/**
 * Reads a PeerAuthentication of any version.
 *
 * @throws MalformedObject
 * @see https://istio.io/latest/docs/reference/config/security/peer_authentication/
 */
export function readPeerAuthentication(raw: Fields, problems: Problem[]): PeerAuthentication {
  const meta = readMeta(raw);
  const found: Problem[] = [];
  const reader = FieldReader.ofSpec(raw, found);
  reader.allow(['selector', 'mtls', 'portLevelMtls']);
  const selector = readWorkloadSelector(reader);
  const ports: Record<string, PeerMode> = {};
  const byPort = reader.nested('portLevelMtls');
  for (const port of Object.keys(byPort?.fields ?? {})) {
    if (!/^[1-9]\d{0,4}$/.test(port) || !isPort(Number(port)))
      byPort!.problem(port, 'is no port of a container (1 to 65535)');
    else ports[port] = readMode(byPort!.nested(port));
  }
  if (byPort && Object.keys(byPort.fields).length === 0) byPort.problem('', 'has no port');
  if (byPort && !selector) reader.problem('portLevelMtls', 'needs a selector: ports are those of some workloads');
  const object = { ...meta, selector, mode: readMode(reader.nested('mtls')), ports };
  refuseErrors(found, problems);
  return object;
}

/** What stands for one that cannot be read: nobody is let in in the clear whom it may have meant to keep out. */
export function strictForAll(raw: Fields): PeerAuthentication {
  return { ...readMeta(raw), selector: null, mode: 'STRICT', ports: {}, isStandIn: true };
}

function readMode(reader: FieldReader | null): PeerMode {
  reader?.allow(['mode']);
  const mode = reader?.optionalText('mode') ?? 'UNSET';
  if ((MODES as readonly string[]).includes(mode)) return mode as PeerMode;
  reader!.problem('mode', `"${mode}" is none of ${MODES.join(', ')}`);
  return 'STRICT';
}

const MODES = ['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT'] as const;
