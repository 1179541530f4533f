/**
 * A server whose answers prove themselves: HTTP/1.1, gRPC and octets, on the ports that every pod of the mesh has. Every
 * answer names the request and the pod, and its octets follow from the request's name.
 */
import { createServer } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';

import { GRPC_PORT, HTTP_PORT, OCTETS_PORT } from './manifests.ts';
import { grpcMessage, octetsOf, Pieces, piece } from './proof.ts';
import type { Asked } from './request.ts';

const pod = process.env.POD_NAME ?? '';
const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

createServer(async (incoming, outgoing) => {
  const asked = JSON.parse(String(incoming.headers['x-asked'])) as Asked;
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
  } catch {
    return; // the client has gone
  }
  await wait(asked.waitMs);
  const body = Buffer.concat(chunks);
  const isRight = body.equals(octetsOf(`${asked.id}/sent`, asked.sentOctets));
  const answer = octetsOf(`${asked.id}/0`, asked.octets);
  const fields = { 'x-id': asked.id, 'x-pod': pod, 'content-length': answer.length };
  outgoing.writeHead(isRight ? 200 : 422, fields);
  // In two parts, so that there are answers which have begun and not ended.
  outgoing.write(answer.subarray(0, answer.length >> 1));
  await wait(asked.pauseMs);
  outgoing.end(answer.subarray(answer.length >> 1));
}).listen(HTTP_PORT, '::');

const calls = createHttp2Server();
calls.on('sessionError', () => {});
calls.on('stream', (stream: ServerHttp2Stream) => {
  const pieces = new Pieces(5);
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => {
    for (const message of pieces.push(chunk)) void answerCall(stream, JSON.parse(message.toString()) as Asked);
  });
});
calls.listen(GRPC_PORT, '::');

async function answerCall(stream: ServerHttp2Stream, asked: Asked): Promise<void> {
  await wait(asked.waitMs);
  if (stream.destroyed) return;
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'x-id': asked.id, 'x-pod': pod },
    { waitForTrailers: true },
  );
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  for (let i = 0; i < asked.pieces && !stream.destroyed; i++) {
    stream.write(grpcMessage(octetsOf(`${asked.id}/${i}`, asked.octets)));
    if (asked.pauseMs > 0) await wait(asked.pauseMs);
  }
  if (!stream.destroyed) stream.end();
}

/** The first piece says which request it is and is answered with the pod; every other one comes back as it is. */
createTcpServer({ allowHalfOpen: true }, (socket) => {
  const pieces = new Pieces(4);
  let isFirst = true;
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    for (const each of pieces.push(chunk)) {
      socket.write(piece(isFirst ? Buffer.from(`${each.toString()} ${pod}`) : each));
      isFirst = false;
    }
  });
  socket.on('end', () => socket.end());
}).listen(OCTETS_PORT, '::');

process.on('SIGTERM', () => process.exit(0));
