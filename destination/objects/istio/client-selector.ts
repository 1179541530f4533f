import type { FieldReader } from '../field-reader.ts';
import type { ClientSelector } from './virtual-service.ts';

/** The gateway that stands for every workload of the mesh. */
export const MESH_GATEWAY = 'mesh';

/** The selector of a match that says nothing of clients. */
export const ANY_CLIENT: ClientSelector = { port: null, sourceLabels: {}, sourceNamespace: '', isForMesh: null };

/** Whether a match counts whoever asks, on every port. */
export function isForEveryClient({ port, sourceLabels, sourceNamespace, isForMesh }: ClientSelector): boolean {
  const hasLabels = Object.keys(sourceLabels).length > 0;
  return port === null && sourceNamespace === '' && isForMesh === null && !hasLabels;
}

/** Reads what a match says of clients. */
export function readClientSelector(reader: FieldReader): ClientSelector {
  const gateways = reader.texts('gateways');
  return {
    port: reader.whole('port', 1, 65_535),
    sourceLabels: reader.textMap('sourceLabels'),
    sourceNamespace: reader.optionalText('sourceNamespace') ?? '',
    isForMesh: gateways.length === 0 ? null : gateways.includes(MESH_GATEWAY),
  };
}
