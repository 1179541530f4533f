import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

import { parseSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import { systemClock } from '../../core/time/clock.ts';
import { Reports } from '../objects/reports.ts';
import { Publisher } from '../server/publisher.ts';
import { TrustBundle } from '../server/trust-bundle.ts';
import { WatchServer } from '../server/watch-server.ts';
import { TEST_DOMAIN } from './cluster.ts';
import type { TestAuthority } from './control-plane.ts';
import { FakeSource } from './fake-source.ts';
import { TestWatch } from './watch-client.ts';

/** A watch server on a port of its own over objects that the test changes; everything ends with the test. */
export async function serveWatch(
  t: Test,
  authority: TestAuthority,
  objects: readonly object[],
  listen: SocketAddress = { host: '127.0.0.1', port: 0 },
) {
  const folder = mkdtempSync(join(tmpdir(), 'weft-destination-'));
  const bundle = join(folder, 'ca.pem');
  writeFileSync(bundle, authority.bundle);
  const trust = new TrustBundle({ path: bundle, clock: systemClock, onProblem: (error) => t.comment(error.message) });
  await trust.start();
  const reports = new Reports();
  const source = new FakeSource(reports);
  for (const object of objects) source.put(object);
  const publisher = new Publisher({ objects: source.objects, domain: TEST_DOMAIN, reports, clock: systemClock });
  const events: string[] = [];
  const server = new WatchServer({
    certificate: authority.serving('weft-destination'),
    trust,
    domain: TEST_DOMAIN,
    publisher,
    clock: systemClock,
    observer: {
      onStart: () => events.push('start'),
      onEnd: (_stream, reason) => events.push(`end ${reason}`),
      onRefused: (reason) => events.push(`refused ${reason}`),
      onExceeded: (limit) => events.push(`exceeded ${limit}`),
      onSkip: () => events.push('skip'),
      onNack: (_stream, target, version) => events.push(`nack ${target} ${version}`),
    },
  });
  const address = await server.listen(listen);
  const { port } = parseSocketAddress(address)!;
  const watches: TestWatch[] = [];
  t.teardown(async () => {
    for (const watch of watches) watch.close();
    await server.close();
    publisher.close();
    trust.close();
    rmSync(folder, { recursive: true });
  });
  const credentials = authority.certify({
    namespace: 'default',
    serviceAccount: 'api',
    pod: 'api-1',
    uid: 'uid-api-1',
  });
  const connection = { port, bundle: authority.bundle, domain: TEST_DOMAIN, credentials };
  const connect = (options: Partial<ConstructorParameters<typeof TestWatch>[0]> = {}) => {
    const watch = new TestWatch({ ...connection, ...options });
    watches.push(watch);
    return watch;
  };
  const open = async (options: Partial<Parameters<typeof TestWatch.open>[0]> = {}) => {
    const watch = await TestWatch.open({ ...connection, ...options });
    watches.push(watch);
    return watch;
  };
  return { connect, open, source, server, events, address, port, bundle, connection };
}
