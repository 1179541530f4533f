import { FieldReader } from '../field-reader.ts';
import { type Fields, isPort } from '../json.ts';
import { type Meta, readMeta } from '../meta.ts';
import { type Problem, refuseErrors } from '../problem.ts';

/** Names connections to some ports, for a TrafficTarget. */
export interface TcpRoute extends Meta {
  /** Of the pods; empty: any. */
  readonly ports: readonly number[];
}

/**
 * Reads a TCPRoute of SMI. Before v1alpha4 it has no ports.
 *
 * @throws MalformedObject
 * @see https://github.com/servicemeshinterface/smi-spec/blob/main/apis/traffic-specs/v1alpha4/traffic-specs.md
 */
export function readTcpRoute(raw: Fields, problems: Problem[]): TcpRoute {
  const meta = readMeta(raw);
  const found: Problem[] = [];
  const reader = FieldReader.ofSpec(raw, found);
  reader.allow(['matches']);
  const matches = reader.nested('matches');
  matches?.allow(['name', 'ports']);
  if (matches?.optionalText('name'))
    matches.warning('name', 'is not looked at: TrafficTargets name the route as a whole');
  const ports = (matches?.list('ports') ?? []).flatMap((port, at) => {
    if (isPort(port)) return port;
    matches!.problem(`ports[${at}]`, 'is no port (1 to 65535)');
    return [];
  });
  refuseErrors(found, problems);
  return { ...meta, ports };
}
