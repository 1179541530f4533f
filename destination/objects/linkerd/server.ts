import { DEFAULT_INBOUND_POLICIES, type DefaultInboundPolicy } from '../../../api/names.ts';
import type { Protocol } from '../../../api/routing.ts';
import { FieldReader } from '../field-reader.ts';
import { type Fields, isPort } from '../json.ts';
import type { Pod } from '../kubernetes/pod.ts';
import { type LabelSelector, readLabelSelector, selectsLabels } from '../label-selector.ts';
import { type Meta, readMeta } from '../meta.ts';
import { MalformedObject, type Problem, refuseErrors } from '../problem.ts';

/** A port of some pods: what it speaks, and who may use it. */
export interface Server extends Meta {
  /** Pods of its namespace; null: other workloads, which there are none of here. */
  readonly pods: LabelSelector | null;
  /** Number, or name of a container's port. */
  readonly port: number | string;
  readonly protocol: Protocol;
  readonly accessPolicy: DefaultInboundPolicy;
}

/**
 * Reads a Server of Linkerd. Who may use the port is its `accessPolicy`, `deny` unless it says otherwise, and whom
 * AuthorizationPolicies and ServerAuthorizations let in besides.
 *
 * @throws MalformedObject
 * @see https://linkerd.io/2/reference/authorization-policy/#server
 */
export function readServer(raw: Fields, problems: Problem[]): Server {
  const meta = readMeta(raw);
  const found: Problem[] = [];
  const reader = FieldReader.ofSpec(raw, found);
  reader.allow(['podSelector', 'externalWorkloadSelector', 'port', 'proxyProtocol', 'accessPolicy']);
  const pods = reader.nested('podSelector');
  if (!pods && !reader.has('externalWorkloadSelector')) reader.problem('podSelector', 'is missing');
  if (reader.has('externalWorkloadSelector'))
    reader.warning('externalWorkloadSelector', 'selects nothing: there are no proxies outside the cluster');
  const { port } = reader.fields;
  const isName = typeof port === 'string' && /^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/.test(port);
  if (!isPort(port) && !isName) reader.problem('port', 'is neither a port (1 to 65535) nor the name of one');
  const protocol = PROTOCOLS[reader.optionalText('proxyProtocol') ?? 'unknown'];
  if (!protocol) reader.problem('proxyProtocol', `is none of ${Object.keys(PROTOCOLS).join(', ')}`);
  const accessPolicy = reader.optionalText('accessPolicy') ?? 'deny';
  if (!(DEFAULT_INBOUND_POLICIES as readonly string[]).includes(accessPolicy))
    reader.problem('accessPolicy', `is none of ${DEFAULT_INBOUND_POLICIES.join(', ')}`);
  const server: Server = {
    ...meta,
    pods: pods && readLabelSelector(pods),
    port: port as number | string,
    protocol: protocol ?? 'detect',
    accessPolicy: accessPolicy as DefaultInboundPolicy,
  };
  refuseErrors(found, problems);
  return server;
}

/** What stands for one that cannot be read: the ports that it is about let nobody in. @throws where it does not say which */
export function closedServer(raw: Fields): Server {
  const reader = FieldReader.ofSpec(raw, []);
  const pods = reader.nested('podSelector');
  const { port } = reader.fields;
  if (!pods || (typeof port !== 'string' && !isPort(port))) throw new MalformedObject('spec.port', 'is no port');
  return { ...readMeta(raw), pods: readLabelSelector(pods), port, protocol: 'detect', accessPolicy: 'deny' };
}

/** Ports of a pod that a Server is about; the number counts also where no container declares it. */
export function portsOf({ pods, port }: Server, pod: Pod): number[] {
  if (!pods || !selectsLabels(pods, pod.labels)) return [];
  if (typeof port === 'number') return [port];
  return pod.ports.filter(({ name }) => name === port).map((each) => each.port);
}

const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  unknown: 'detect',
  'HTTP/1': 'http1',
  'HTTP/2': 'http2',
  gRPC: 'grpc',
  opaque: 'opaque',
  TLS: 'tls',
};
