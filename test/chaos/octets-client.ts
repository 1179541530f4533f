import { connect } from 'node:net';

import { octetsOf, Pieces, piece } from './proof.ts';
import type { Send } from './sending.ts';

/** A conversation of octets: each piece is sent when the one before has come back, some time later. */
export const talk: Send = (asked, { address, port }, end, onMove) => {
  const { id, octets, pauseMs } = asked;
  const socket = connect({ host: address, port, allowHalfOpen: true });
  const pieces = new Pieces(4);
  let pod: string | null = null;
  let received = 0;
  const hasBegun = () => pod !== null;
  const say = () => {
    if (received < asked.pieces) socket.write(piece(octetsOf(`${id}/${received}`, octets)));
    else socket.end();
  };
  socket.on('connect', () => socket.write(piece(Buffer.from(id))));
  socket.on('data', (chunk: Buffer) => {
    onMove();
    for (const each of pieces.push(chunk)) {
      if (pod === null) {
        const [answeredId, by = ''] = each.toString('latin1', 0, 200).split(' ');
        if (answeredId !== id) return wrong(`the first piece is for ${answeredId}`);
        pod = by;
        say();
        continue;
      }
      if (!each.equals(octetsOf(`${id}/${received}`, octets))) return wrong(`piece ${received} differs`);
      received++;
      setTimeout(say, pauseMs);
    }
  });
  socket.on('error', (error: NodeJS.ErrnoException) =>
    end({ outcome: 'broken', detail: `${error.code ?? ''} after ${received} pieces`, pod, hasBegun: hasBegun() }),
  );
  socket.on('end', () => {
    const isWhole = received === asked.pieces && pieces.pending === 0;
    const detail = isWhole ? '' : `an end after ${received} of ${asked.pieces} pieces`;
    end({ outcome: isWhole ? 'right' : 'short', detail, pod, hasBegun: hasBegun() });
    socket.destroy();
  });
  const wrong = (detail: string) => {
    end({ outcome: 'wrong', detail, pod, hasBegun: hasBegun() });
    socket.destroy();
  };
  return () => {
    setImmediate(() => socket.destroy());
    return { detail: `after ${received} pieces`, pod, hasBegun: hasBegun() };
  };
};
