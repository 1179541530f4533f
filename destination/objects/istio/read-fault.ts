import type { Fault } from '../../../api/filters.ts';
import type { FieldReader } from '../field-reader.ts';
import { readPercentage } from './percentage.ts';

/** Reads `fault`; null: none ever happens. Source: VirtualService, "HTTPFaultInjection". */
export function readFault(reader: FieldReader): Fault | null {
  reader.allow(['delay', 'abort']);
  const delay = reader.nested('delay');
  const abort = reader.nested('abort');
  if (!delay && !abort) reader.problem('', 'has neither delay nor abort');
  const fault = { ...(delay && readDelay(delay)), ...(abort && readAbort(abort)) };
  return Object.keys(fault).length > 0 ? fault : null;
}

function readDelay(reader: FieldReader): Pick<Fault, 'delay'> {
  reader.allow(['fixedDelay', 'percentage', 'percent', 'exponentialDelay']);
  if (reader.has('exponentialDelay')) reader.problem('exponentialDelay', 'is not supported; write fixedDelay');
  else if (!reader.has('fixedDelay')) reader.problem('fixedDelay', 'is missing');
  const ms = reader.duration('fixedDelay', 1);
  const fraction = readShare(reader, 'percent');
  return ms !== null && fraction > 0 ? { delay: { fraction, ms } } : {};
}

function readAbort(reader: FieldReader): Pick<Fault, 'abort'> {
  reader.allow(['httpStatus', 'grpcStatus', 'http2Error', 'percentage']);
  const given = ['httpStatus', 'grpcStatus', 'http2Error'].filter((name) => reader.has(name));
  if (given.includes('http2Error')) reader.problem('http2Error', 'is not supported; write httpStatus or grpcStatus');
  else if (given.length !== 1) reader.problem('', 'needs exactly one of httpStatus and grpcStatus');
  const status = reader.whole('httpStatus', 200, 599);
  const grpc = readGrpcStatus(reader);
  const fraction = readShare(reader, null);
  if (fraction === 0) return {};
  if (grpc !== null) return { abort: { fraction, grpc } };
  return status !== null ? { abort: { fraction, status } } : {};
}

function readShare(reader: FieldReader, deprecated: string | null): number {
  const share = readPercentage(reader, 'percentage', deprecated);
  if (share === null) reader.warning('percentage', 'is missing, and so it never happens (0 %)');
  return share ?? 0;
}

function readGrpcStatus(reader: FieldReader): number | null {
  const name = reader.optionalText('grpcStatus');
  if (name === null) return null;
  const code = GRPC_STATUS.indexOf(name);
  if (code < 0) reader.problem('grpcStatus', `"${name}" is none of ${GRPC_STATUS.join(', ')}`);
  return code < 0 ? null : code;
}

/** By number. Source: https://grpc.io/docs/guides/status-codes/ */
const GRPC_STATUS: readonly string[] = [
  ...['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS'],
  ...['PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED'],
  ...['INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'],
];
