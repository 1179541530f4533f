/**
 * Runs h2spec (RFC 9113 and RFC 7541 conformance) against the HTTP/2 engine on a real socket and prints
 * `h2spec: N tests, N passed`. Needs the program h2spec on the path, or named by H2SPEC.
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';

import type { RequestHead, ServerStream, StreamListener } from '../../proxy/http.ts';
import { serveHttp } from '../../proxy/transport/http-server.ts';

const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on('error', () => {});
  serveHttp(socket, 'http2', false, { onRequest: answerHello, onMalformed: () => [], onClosed() {} });
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as { port: number };

const child = spawn(process.env.H2SPEC ?? 'h2spec', ['-h', '127.0.0.1', '-p', String(port), '-o', '2'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let text = '';
child.stdout.on('data', (chunk) => {
  text += chunk;
});
child.on('error', (error) => {
  console.error(
    `h2spec cannot be run: ${error.message}\nhint: go install github.com/summerwind/h2spec/cmd/h2spec@latest, then H2SPEC=$(go env GOPATH)/bin/h2spec`,
  );
  process.exit(1);
});
child.on('close', () => {
  const [, tests, passed, failed] = /(\d+) tests, (\d+) passed, \d+ skipped, (\d+) failed/.exec(text) ?? [];
  if (tests === undefined || failed !== '0') console.log(text);
  console.log(`h2spec: ${tests ?? 0} tests, ${passed ?? 0} passed`);
  process.exit(tests !== undefined && failed === '0' ? 0 : 1);
});

/** Answers every request with five octets, once it is whole. */
function answerHello(stream: ServerStream, _head: RequestHead, end: boolean): StreamListener {
  const answer = () => {
    stream.sendResponse({ status: 200, fields: ['content-length', '5'] }, false);
    stream.sendData(Buffer.from('hello'), 0, 5, true);
  };
  if (end) queueMicrotask(answer);
  return {
    onData(_bytes, from, to, last) {
      stream.grant(to - from);
      if (last) answer();
    },
    onTrailers: answer,
    onReset() {},
    onSent() {},
    onResponse() {},
    onInformational() {},
  };
}
