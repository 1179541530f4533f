import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { systemClock } from '../../core/time/clock.ts';
import type { ServingCertificate } from '../../core/tls/serving-certificate.ts';
import { Reports } from '../../destination/objects/reports.ts';
import { Publisher } from '../../destination/server/publisher.ts';
import { TrustBundle } from '../../destination/server/trust-bundle.ts';
import { WatchServer } from '../../destination/server/watch-server.ts';
import { TEST_DOMAIN } from '../../destination/testing/cluster.ts';
import { FakeSource } from '../../destination/testing/fake-source.ts';

/** Destination's server over a cluster of nothing. @param root in PEM: who may ask */
export async function destinationServer(certificate: ServingCertificate, root: string): Promise<WatchServer> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-destination-'));
  process.on('exit', () => rmSync(folder, { recursive: true }));
  const path = join(folder, 'ca.pem');
  writeFileSync(path, root);
  const trust = new TrustBundle({ path, clock: systemClock, onProblem() {} });
  await trust.start();
  const reports = new Reports();
  const { objects } = new FakeSource(reports);
  return new WatchServer({
    certificate,
    trust,
    domain: TEST_DOMAIN,
    publisher: new Publisher({ objects, domain: TEST_DOMAIN, reports, clock: systemClock }),
    clock: systemClock,
    observer: { onStart() {}, onEnd() {}, onRefused() {}, onExceeded() {}, onSkip() {}, onNack() {} },
  });
}
