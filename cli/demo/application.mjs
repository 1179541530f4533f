// What the demo's pods run. `api`: a server on port 8080 that fails every FAIL_EVERY-th request (0: never) and never
// answers one with the header x-demo-stall. `load`: sends COUNT requests of REQUEST to api-service, STALLS of them to
// be stalled, over kept connections, and prints what it saw as one line TALLY {…}. It runs on any network: it listens on
// HOST and sends through HTTP_PROXY where they are set.
import { Agent, createServer, request } from 'node:http';

const role = process.argv[2];
if (role === 'api') serve(Number(process.env.FAIL_EVERY ?? 0));
else await load(process.env.REQUEST.split(' '), Number(process.env.COUNT), Number(process.env.STALLS));

function serve(failEvery) {
  let count = 0;
  createServer((incoming, outgoing) => {
    incoming.resume();
    if (incoming.headers['x-demo-stall']) return;
    if (incoming.url === '/') return outgoing.end('ready\n');
    count++;
    const fails = failEvery > 0 && count % failEvery === 0;
    outgoing.writeHead(fails ? 503 : 200, { 'content-type': 'text/plain' });
    outgoing.end(`${process.env.POD_NAME}\n`);
  }).listen(8080, process.env.HOST ?? '::');
  process.on('SIGTERM', () => process.exit(0));
}

async function load([method, path], count, stalls) {
  const agent = new Agent({ keepAlive: true, maxSockets: 32, proxyEnv: process.env });
  const statuses = {};
  const stalled = [];
  const send = (headers) =>
    new Promise((resolve) => {
      const start = performance.now();
      const body = method === 'POST' ? 'an order' : '';
      const sent = request(
        { host: 'api-service', method, path, agent, headers: { ...headers, 'content-length': body.length } },
        (answer) => {
          answer.resume();
          answer.on('end', () => {
            statuses[answer.statusCode] = (statuses[answer.statusCode] ?? 0) + 1;
            if (headers['x-demo-stall']) stalled.push(Math.round((performance.now() - start) * 10) / 10);
            resolve();
          });
        },
      );
      sent.on('error', (error) => {
        statuses[error.code] = (statuses[error.code] ?? 0) + 1;
        resolve();
      });
      sent.end(body);
    });
  const waiting = [];
  // An open loop: 100 requests a second, whatever the answers do. The stalled ones come when everything is warm.
  for (let i = 0; i < count; i++) {
    waiting.push(send({}));
    if (i >= 200 && i < 200 + stalls) waiting.push(send({ 'x-demo-stall': '1' }));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await Promise.all(waiting);
  console.log(`TALLY ${JSON.stringify({ method, path, sent: count + stalls, statuses, stalled })}`);
  setInterval(() => {}, 1 << 30);
  process.on('SIGTERM', () => process.exit(0));
}
