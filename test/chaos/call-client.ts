import { type ClientHttp2Session, connect, constants } from 'node:http2';

import { grpcMessage, octetsOf, Pieces } from './proof.ts';
import type { Send } from './sending.ts';

let session: ClientHttp2Session | null = null;

/** A gRPC call with one message up and one or more down. */
export const sendCall: Send = (asked, { address, port }, end, onMove) => {
  const { id, kind, octets } = asked;
  const call = sessionTo(`http://${address}:${port}`).request({
    ':method': 'POST',
    ':path': `/chaos.Echo/${kind}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const pieces = new Pieces(5);
  let pod: string | null = null;
  let status: string | undefined;
  let reason = '';
  let answeredId = '';
  let received = 0;
  let isRight = true;
  call.on('response', (fields) => {
    pod = typeof fields['x-pod'] === 'string' ? fields['x-pod'] : null;
    answeredId = String(fields['x-id']);
    status = fields['grpc-status'] as string | undefined;
    reason = `${fields['weft-proxy-error'] ?? ''}: ${decodeURIComponent(String(fields['grpc-message'] ?? ''))}`;
  });
  call.on('trailers', (fields) => {
    status = fields['grpc-status'] as string | undefined;
  });
  call.on('data', (chunk: Buffer) => {
    onMove();
    for (const message of pieces.push(chunk))
      isRight = message.equals(octetsOf(`${id}/${received++}`, octets)) && isRight;
  });
  call.on('error', (error) => end({ outcome: 'broken', detail: error.message, pod, hasBegun: pod !== null }));
  // `end` comes before `error` where the stream is reset, so only the close of it tells.
  call.on('close', () => {
    const hasBegun = pod !== null;
    if (call.rstCode !== 0) return end({ outcome: 'broken', detail: `RST_STREAM ${call.rstCode}`, pod, hasBegun });
    if (status !== undefined && status !== '0')
      return end({ outcome: hasBegun ? 'wrong' : 'refused', detail: `grpc-status ${status} ${reason}`, pod });
    const isWhole = status === '0' && answeredId === id && received === asked.pieces && pieces.pending === 0 && isRight;
    const detail = `grpc-status ${status} for ${answeredId}, ${received} of ${asked.pieces} messages`;
    end({ outcome: isWhole ? 'right' : 'wrong', detail: isWhole ? '' : detail, pod, hasBegun });
  });
  call.end(grpcMessage(Buffer.from(JSON.stringify(asked))));
  return () => {
    setImmediate(() => call.close(constants.NGHTTP2_CANCEL));
    return { detail: `after ${received} messages`, pod, hasBegun: pod !== null };
  };
};

/** Closes the connection that is kept for other calls. */
export function closeCalls(): void {
  session?.close();
}

function sessionTo(authority: string): ClientHttp2Session {
  if (session === null || session.closed || session.destroyed) {
    const opened = connect(authority);
    session = opened;
    opened.on('error', () => {}); // its calls hear of it
    opened.on('goaway', () => {
      if (session === opened) session = null;
    });
  }
  return session;
}
