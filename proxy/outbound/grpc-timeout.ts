import { type Fields, fieldValue } from '../http.ts';

/** Milliseconds of a `grpc-timeout` field; 0: there is none, or it is none. Source: gRPC over HTTP/2, "Timeout". */
export function grpcTimeoutMs(fields: Fields): number {
  const match = TIMEOUT.exec(fieldValue(fields, 'grpc-timeout') ?? '');
  if (!match) return 0;
  return Math.max(1, Math.ceil(Number(match[1]) * UNIT_MS[match[2]!]!));
}

/** `fields` with `grpc-timeout` lowered to what is left of it, at least 1 ms. */
export function withGrpcTimeout(fields: Fields, leftMs: number): Fields {
  const lowered = fields.slice();
  for (let i = 0; i < lowered.length; i += 2)
    if (lowered[i]!.toLowerCase() === 'grpc-timeout') lowered[i + 1] = formatTimeout(Math.max(1, Math.floor(leftMs)));
  return lowered;
}

/** At most eight digits. */
function formatTimeout(ms: number): string {
  return ms < 1e8 ? `${ms}m` : `${Math.floor(ms / 1000)}S`;
}

const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000001 };
