/** One server of Weft in a process of its own: says where it listens and what a client shows it, then how much memory it has. */
import { type AddressInfo, createServer } from 'node:net';

import { parseSocketAddress } from '../../core/config/socket-address.ts';
import { createLog } from '../../core/log/log.ts';
import type { CertifyContext } from '../../identity/certify.ts';
import type { CurrentIssuer } from '../../identity/issue/current-issuer.ts';
import { IdentityMetrics } from '../../identity/metrics.ts';
import { CertifyServer } from '../../identity/server.ts';
import { WebhookMetrics } from '../../webhook/admission/metrics.ts';
import { AdmissionServer } from '../../webhook/admission/server.ts';
import { destinationServer } from './destination-server.ts';
import type { MeasuredProgram, Shown } from './measured-server.ts';
import { identityOf, TestAuthority, TestProxy } from './mesh.ts';
import { privatePages } from './private-pages.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };
const authority = new TestAuthority();
const log = createLog('test', 'silent');
const certificate = () => {
  const { chain, key } = authority.credentials('server');
  return { cert: chain, key };
};

/** Each starts its server and says where it listens. What is asked of them needs no cluster. */
const SERVERS: Record<MeasuredProgram, () => Promise<number>> = {
  async proxy() {
    const application = createServer((socket) =>
      socket.on('error', () => {}).once('data', () => socket.end('HTTP/1.1 204 No Content\r\n\r\n')),
    );
    await new Promise<void>((resolve) => application.listen(LOOPBACK, resolve));
    return new TestProxy('server', authority).listenInbound((application.address() as AddressInfo).port);
  },
  identity() {
    const metrics = new IdentityMetrics({} as CurrentIssuer);
    return listen(new CertifyServer({ context: {} as CertifyContext, certificate: certificate(), metrics, log }));
  },
  async destination() {
    return listen(await destinationServer(certificate(), authority.root.certificate));
  },
  webhook() {
    const metrics = new WebhookMetrics();
    return listen(new AdmissionServer({ certificate: certificate(), reviewers: {}, onReviewed() {}, metrics, log }));
  },
};

async function listen(server: { listen(address: typeof LOOPBACK): Promise<string> }): Promise<number> {
  return parseSocketAddress(await server.listen(LOOPBACK))!.port;
}

process.once('message', async (program: MeasuredProgram) => {
  const port = await SERVERS[program]();
  const { chain, key, trustBundle } = authority.credentials('client');
  const shown: Shown = { port, cert: chain, key, ca: trustBundle, servername: identityOf('server') };
  process.send!(shown);
  // Destination waits a second for the last reader of a stream.
  process.on('message', async () => process.send!(await privatePages([1200, 50, 50])));
});
process.on('disconnect', () => process.exit());
