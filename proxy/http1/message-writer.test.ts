import t from 'tap';

import { MemoryWire } from '../../test/support/memory-wire.ts';
import { Recorder } from '../../test/support/recorder.ts';
import { MessageWriter } from './message-writer.ts';

/** A wire that takes a few octets a turn, and sends only what it was told of. */
class NarrowWire extends MemoryWire {
  sent = '';
  #touched = false;

  constructor() {
    super();
    Object.defineProperty(this, 'blocked', { get: () => this.end >= 100 });
  }

  override touch(): void {
    this.#touched = true;
  }

  /** The end of a turn. @returns whether anything was sent */
  flush(): boolean {
    if (!this.#touched) return false;
    this.#touched = false;
    this.sent += this.takeText();
    return true;
  }
}

t.test('what waits follows turn by turn, however many it takes', async (t) => {
  const wire = new NarrowWire();
  const writer = new MessageWriter(wire);
  const listener = new Recorder();
  writer.writeHead('HTTP/1.1 200 OK\r\n', ['content-length', '1000'], '', 'plain');
  for (let i = 0; i < 20; i++) writer.writeBody(Buffer.alloc(50, 'a'), 0, 50, i === 19);
  t.ok(wire.held > 0);
  for (let turn = 0; turn < 50 && wire.flush(); turn++) writer.pump(listener);
  t.ok(writer.done);
  t.match(wire.sent, /\r\n\r\na{1000}$/);
  t.equal(wire.held, 0);
});
