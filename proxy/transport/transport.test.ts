import { connect, createServer, type Socket } from 'node:net';
import t from 'tap';

import { isForUs, readClientHello } from './client-hello.ts';
import { fileDescriptor } from './native-handle.ts';
import { ipv6Text, loadOriginalDestination } from './original-destination.ts';
import { peek } from './peek.ts';
import { clientHello } from './testing/client-hello.ts';
import { readTransportHeader, writeTransportHeader } from './transport-header.ts';

const IDENTITY = 'web.default.serviceaccount.identity.weft.cluster.local';

t.test('reads server name and protocols of a ClientHello', async (t) => {
  const bytes = await clientHello({ servername: IDENTITY, ALPNProtocols: ['weft.http/1', 'h2'] });
  t.same(readClientHello(bytes), { sni: IDENTITY, alpn: ['weft.http/1', 'h2'] });
});

t.test('waits for a ClientHello at every truncation, and never past its end', async (t) => {
  const bytes = await clientHello({ servername: IDENTITY });
  for (let length = 0; length < bytes.length; length++) {
    const result = readClientHello(bytes.subarray(0, length));
    if (result !== 'incomplete') t.fail(`${length} octets: ${JSON.stringify(result)}`);
  }
  t.same(readClientHello(bytes), { sni: IDENTITY, alpn: [] });
});

t.test('reads a ClientHello that is split over records', async (t) => {
  const bytes = await clientHello({ servername: IDENTITY });
  const message = bytes.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += 100) {
    const piece = message.subarray(at, at + 100);
    records.push(Buffer.from([22, 3, 1, 0, piece.length]), piece);
  }
  t.match(readClientHello(Buffer.concat(records)), { sni: IDENTITY });
});

t.test('tells other octets from TLS at once', async (t) => {
  for (const text of ['GET / HTTP/1.1\r\n', 'SSH-2.0-x\r\n', '\x16\x02', '\x16\x03\x01\x00\x05\x02']) {
    t.equal(readClientHello(Buffer.from(text, 'latin1')), 'not_tls', JSON.stringify(text));
  }
});

t.test('takes a handshake for ours by name and protocol', async (t) => {
  t.ok(isForUs({ sni: IDENTITY, alpn: [] }, IDENTITY), 'linkerd2-proxy offers nothing');
  t.ok(isForUs({ sni: IDENTITY, alpn: ['weft.opaque/1'] }, IDENTITY));
  t.ok(isForUs({ sni: IDENTITY, alpn: ['transport.l5d.io/v1'] }, IDENTITY));
  t.notOk(isForUs({ sni: IDENTITY, alpn: ['h2'] }, IDENTITY), 'the application may use our name too');
  t.notOk(isForUs({ sni: 'example.com', alpn: ['weft.http/1'] }, IDENTITY));
  t.notOk(isForUs({ sni: '', alpn: [] }, IDENTITY));
});

t.test('writes and reads the transport header', async (t) => {
  for (const header of [
    { port: 8080, name: '', session: null },
    { port: 65_535, name: 'gateway.default', session: 'http2' },
    { port: 1, name: '', session: 'http1' },
  ] as const) {
    const bytes = writeTransportHeader(header);
    t.same(readTransportHeader(Buffer.concat([bytes, Buffer.from('rest')])), { header, octets: bytes.length });
    for (let length = 0; length < bytes.length; length++)
      t.equal(readTransportHeader(bytes.subarray(0, length)), 'more');
  }
  t.equal(readTransportHeader(Buffer.from('GET / HTTP/1.1')), 'invalid');
  const portless = Buffer.concat([Buffer.from('transport.l5d.io/v1\r\n\r\n'), Buffer.from([0, 0, 0, 0])]);
  t.equal(readTransportHeader(portless), 'invalid');
  const huge = Buffer.concat([Buffer.from('transport.l5d.io/v1\r\n\r\n'), Buffer.from([255, 0, 0, 0])]);
  t.equal(readTransportHeader(huge), 'invalid');
});

t.test('writes IPv6 addresses in their shortest form', async (t) => {
  for (const [hex, text] of [
    ['00000000000000000000000000000001', '::1'],
    ['fd45000000000000000000000000000a', 'fd45::a'],
    ['20010db8000000010000000000000001', '2001:db8:0:1::1'],
    ['20010db8000100010001000100010001', '2001:db8:1:1:1:1:1:1'],
    ['00000000000000000000000000000000', '::'],
  ] as const) {
    t.equal(ipv6Text(Buffer.from(hex, 'hex'), 0), text);
  }
});

t.test('leaves the octets that it looked at for the next reader', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  const socket = await accepted;
  t.ok(fileDescriptor(socket) > 2, 'Node still shows the descriptor of a socket');
  t.equal((await loadOriginalDestination()).of(socket), null, 'a connection that was not redirected has no original');
  const silent = await peek(socket, () => null, 20);
  t.equal(silent.outcome, 'silent');
  client.write('abc');
  t.same(await peek(socket, (bytes) => (bytes.length >= 3 ? String(bytes) : null), 1000), {
    outcome: 'decided',
    value: 'abc',
  });
  const read = new Promise<string>((resolve) => {
    socket.once('data', (bytes) => resolve(String(bytes)));
  });
  t.equal(await read, 'abc');
  client.destroy();
  socket.destroy();
  server.close();
});
