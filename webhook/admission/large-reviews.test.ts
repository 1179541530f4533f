import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';

import { parseSocketAddress, type SocketAddress } from '../../core/config/socket-address.ts';
import { createLog } from '../../core/log/log.ts';
import { createMaterial } from '../tls/serving-material.ts';
import { WebhookMetrics } from './metrics.ts';
import { AdmissionServer } from './server.ts';

const material = createMaterial({ dns: ['weft-webhook.weft.svc'], uris: [] }, Date.now());
const OCTETS = 2_900_000;

async function start(t: Test) {
  const metrics = new WebhookMetrics();
  const server = new AdmissionServer({
    certificate: { key: material['tls.key'], cert: material['tls.crt'] },
    reviewers: {
      '/validate': () => ({ answer: { isAllowed: true }, outcome: 'valid', reason: '', message: '' }),
      '/never': () => new Promise(() => {}),
    },
    onReviewed() {},
    metrics,
    log: createLog('test', 'silent'),
  });
  t.teardown(() => server.close(100));
  return { place: parseSocketAddress(await server.listen({ host: '127.0.0.1', port: 0 }))!, metrics };
}

/** @returns the status of a review with an object of about so many octets */
async function review({ host, port }: SocketAddress, octets: number, path = '/validate'): Promise<number> {
  const asked = httpsRequest({
    host,
    port,
    path,
    method: 'POST',
    rejectUnauthorized: false,
    agent: false,
    headers: { 'content-type': 'application/json' },
  });
  const object = { metadata: { annotations: { a: 'x'.repeat(octets) } } };
  const request = { uid: 'u', kind: { group: '', kind: 'Pod' }, operation: 'CREATE', object };
  asked.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request }));
  const [response] = await once(asked, 'response');
  response.resume();
  return response.statusCode;
}

/** A body that lacks its last octets. */
async function unfinished(t: Test, { host, port }: SocketAddress, from: string, body: Buffer): Promise<TLSSocket> {
  const options = { host, port, localAddress: from, rejectUnauthorized: false };
  const socket = connect(options).on('error', () => {});
  t.teardown(() => socket.destroy());
  await once(socket, 'secureConnect');
  const head = `POST /validate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${OCTETS}\r\n\r\n`;
  socket.write(head);
  socket.write(body);
  return socket;
}

t.test('reads a few large bodies at a time, whatever comes beside honest reviews', async (t) => {
  const { place, metrics } = await start(t);
  const before = process.memoryUsage().arrayBuffers;
  const body = Buffer.alloc(OCTETS - 9, ' ');
  for (let i = 0; i < 150; i++) {
    await unfinished(t, place, '127.0.0.2', body);
    if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  // The clients of this process hold what they could not send, once.
  const grown = (process.memoryUsage().arrayBuffers - before) >> 20;
  t.comment(`${grown} MiB`);
  t.ok(grown < 100, `${grown} MiB`);
  for (const octets of [100, OCTETS]) {
    const begun = performance.now();
    t.equal(await review(place, octets), 200);
    const took = Math.round(performance.now() - begun);
    t.comment(`a review of ${octets} octets in ${took} ms`);
    t.ok(took < 4000, `${took} ms`);
  }
  t.match(await metrics.registry.metrics(), /weft_limit_exceeded_total\{[^}]*limit="body_limit"\} \d/);
});

t.test('lets large reviews of one API server wait for each other', async (t) => {
  const { place } = await start(t);
  const statuses = await Promise.all(Array.from({ length: 20 }, () => review(place, OCTETS)));
  t.same(new Set(statuses), new Set([200]));
});

t.test('answers before the API server has given up, whatever a review waits for', async (t) => {
  const { place } = await start(t);
  const answered = await Promise.race([
    review(place, 10, '/never'),
    new Promise((resolve) => setTimeout(resolve, 5000)),
  ]);
  t.equal(answered, 503);
});
