import type { ConnectionLimits, TcpKeepAlive } from '../../../api/traffic-policy.ts';
import type { FieldReader } from '../field-reader.ts';

/** Reads `connectionPool`; a number of 0 is as good as none. Source: DestinationRule, "ConnectionPoolSettings". */
export function readConnectionPool(reader: FieldReader): ConnectionLimits {
  reader.allow(['tcp', 'http']);
  const tcp = reader.nested('tcp');
  const http = reader.nested('http');
  if (!tcp && !http) reader.problem('', 'has neither tcp nor http');
  return { ...(tcp && readTcp(tcp)), ...(http && readHttp(http)) };
}

function readTcp(reader: FieldReader): ConnectionLimits {
  reader.allow(['maxConnections', 'connectTimeout', 'tcpKeepalive', 'maxConnectionDuration', 'idleTimeout']);
  const keepAlive = reader.nested('tcpKeepalive');
  return withoutNull({
    maxConnections: count(reader, 'maxConnections'),
    connectTimeoutMs: reader.duration('connectTimeout', 1),
    tcpKeepAlive: keepAlive && readKeepAlive(keepAlive),
    maxConnectionMs: reader.duration('maxConnectionDuration', 1),
    idleTimeoutMs: reader.duration('idleTimeout'),
  });
}

function readKeepAlive(reader: FieldReader): TcpKeepAlive {
  reader.allow(['probes', 'time', 'interval']);
  return withoutNull({
    timeMs: reader.duration('time', 1),
    intervalMs: reader.duration('interval', 1),
    probes: reader.whole('probes', 1, 127),
  });
}

function readHttp(reader: FieldReader): ConnectionLimits {
  reader.allow([
    ...['http1MaxPendingRequests', 'http2MaxRequests', 'maxRequestsPerConnection', 'maxRetries', 'idleTimeout'],
    ...['h2UpgradePolicy', 'useClientProtocol', 'maxConcurrentStreams', 'http2KeepAlive'],
  ]);
  const upgrade = reader.optionalText('h2UpgradePolicy') ?? 'DEFAULT';
  if (!['DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'].includes(upgrade))
    reader.problem('h2UpgradePolicy', `"${upgrade}" is none of DEFAULT, DO_NOT_UPGRADE, UPGRADE`);
  const keepsProtocol = reader.flag('useClientProtocol');
  if (upgrade === 'UPGRADE' && keepsProtocol) reader.problem('useClientProtocol', 'excludes h2UpgradePolicy: UPGRADE');
  return {
    ...withoutNull({
      maxPendingRequests: count(reader, 'http1MaxPendingRequests'),
      maxRequests: count(reader, 'http2MaxRequests'),
      maxRequestsPerConnection: count(reader, 'maxRequestsPerConnection'),
      maxRetries: count(reader, 'maxRetries'),
      maxConcurrentStreams: count(reader, 'maxConcurrentStreams'),
      idleTimeoutMs: reader.duration('idleTimeout'),
    }),
    ...(upgrade === 'UPGRADE' && { upgradesToHttp2: true }),
    ...readHttp2KeepAlive(reader.nested('http2KeepAlive')),
  };
}

function readHttp2KeepAlive(reader: FieldReader | null): Pick<ConnectionLimits, 'http2KeepAlive'> {
  if (!reader) return {};
  reader.allow(['interval', 'timeout']);
  for (const name of ['interval', 'timeout']) if (!reader.has(name)) reader.problem(name, 'is missing');
  const quietMs = reader.duration('interval', 1);
  const answerMs = reader.duration('timeout', 1);
  return quietMs !== null && answerMs !== null ? { http2KeepAlive: { quietMs, answerMs } } : {};
}

function count(reader: FieldReader, name: string): number | null {
  return reader.whole(name, 0, 2 ** 31 - 1) || null;
}

function withoutNull<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as never;
}
