import type { OutlierDetection } from '../../../api/traffic-policy.ts';
import type { FieldReader } from '../field-reader.ts';

/** Reads `outlierDetection`. Source: DestinationRule, "OutlierDetection"; Envoy, "Outlier detection". */
export function readOutlierDetection(reader: FieldReader): OutlierDetection {
  reader.allow([
    ...['consecutive5xxErrors', 'consecutiveGatewayErrors', 'consecutiveErrors', 'splitExternalLocalOriginErrors'],
    ...['consecutiveLocalOriginFailures', 'interval', 'baseEjectionTime', 'maxEjectionPercent', 'minHealthPercent'],
    'outlierDetectionHttpErrorCodes',
  ]);
  const count = (name: string, otherwise: number) => reader.whole(name, 0, 2 ** 31 - 1) ?? otherwise;
  if (reader.has('consecutiveErrors'))
    reader.warning('consecutiveErrors', 'is deprecated and means consecutiveGatewayErrors, which wins');
  const errorStatuses = readStatuses(reader);
  const splitsLocalOrigin = reader.flag('splitExternalLocalOriginErrors');
  if (!splitsLocalOrigin && reader.has('consecutiveLocalOriginFailures'))
    reader.problem('consecutiveLocalOriginFailures', 'needs splitExternalLocalOriginErrors: true');
  const baseEjectionMs = reader.duration('baseEjectionTime', 1) ?? 30_000;
  return {
    kind: 'outlier-detection',
    consecutive5xx: count('consecutive5xxErrors', 5),
    consecutiveGatewayErrors: count('consecutiveGatewayErrors', count('consecutiveErrors', 0)),
    consecutiveLocalFailures: count('consecutiveLocalOriginFailures', 5),
    splitsLocalOrigin,
    ...(errorStatuses.length > 0 && { errorStatuses }),
    intervalMs: reader.duration('interval', 1) ?? 10_000,
    baseEjectionMs,
    maxEjectionMs: Math.max(300_000, baseEjectionMs),
    maxEjectionPercent: reader.whole('maxEjectionPercent', 0, 100) ?? 10,
    minHealthPercent: reader.whole('minHealthPercent', 0, 100) ?? 0,
  };
}

/** Codes that are errors in place of every 5xx. */
function readStatuses(reader: FieldReader): number[] {
  return reader.list('outlierDetectionHttpErrorCodes').flatMap((code, at) => {
    if (Number.isInteger(code) && (code as number) >= 100 && (code as number) <= 599) return code as number;
    reader.problem(`outlierDetectionHttpErrorCodes[${at}]`, 'is no status from 100 to 599');
    return [];
  });
}
