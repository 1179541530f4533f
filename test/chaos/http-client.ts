import { Agent, request } from 'node:http';

import { octetsOf } from './proof.ts';
import type { Send } from './sending.ts';

const agent = new Agent({ keepAlive: true });

/** A GET or POST over HTTP/1.1. */
export const sendHttp: Send = (asked, { address, port }, end, onMove) => {
  const { kind, id, sentOctets, octets, isChunked } = asked;
  const sent = request({
    agent,
    host: address,
    port,
    method: kind.toUpperCase(),
    path: `/${id}`,
    headers: {
      'x-asked': JSON.stringify(asked),
      ...(kind === 'post' && !isChunked && { 'content-length': sentOctets }),
    },
  });
  let pod: string | null = null;
  let hasBegun = false;
  sent.on('error', (error: NodeJS.ErrnoException) =>
    end({ outcome: 'broken', detail: `${error.code ?? ''} ${error.message}`, pod, hasBegun }),
  );
  sent.on('response', (answer) => {
    const reason = answer.headers['weft-proxy-error'];
    pod = typeof answer.headers['x-pod'] === 'string' ? answer.headers['x-pod'] : null;
    hasBegun = pod !== null;
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      onMove();
    });
    answer.on('error', (error) => end({ outcome: 'broken', detail: `in the answer: ${error.message}`, pod, hasBegun }));
    answer.on('end', () => {
      const body = Buffer.concat(chunks);
      if (reason !== undefined && pod === null)
        return end({ outcome: 'refused', detail: `${answer.statusCode} ${reason}: ${body.toString().trim()}` });
      const isRight =
        answer.statusCode === 200 && answer.headers['x-id'] === id && body.equals(octetsOf(`${id}/0`, octets));
      const detail = `${answer.statusCode} for ${answer.headers['x-id']}, ${body.length} of ${octets} octets`;
      end({ outcome: isRight ? 'right' : 'wrong', detail: isRight ? '' : detail, pod, hasBegun });
    });
  });
  if (kind === 'post') sent.write(octetsOf(`${id}/sent`, sentOctets));
  sent.end();
  return () => {
    setImmediate(() => sent.destroy());
    return { pod, hasBegun };
  };
};

/** Closes the connections that are kept for other requests. */
export function closeHttp(): void {
  agent.destroy();
}
