import t from 'tap';

import { MemoryWire } from '../../test/support/memory-wire.ts';
import { Recorder } from '../../test/support/recorder.ts';
import { fieldValue, MessageWriter } from './message-writer.ts';

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

/** A writer with a message begun, and what its listener is told. */
function writerOf() {
  const wire = new MemoryWire();
  const writer = new MessageWriter(wire);
  const listener = new Recorder();
  writer.begin();
  return { wire, writer, listener };
}

const octets = (text: string) => Buffer.from(text);

t.test('a head is its line, fields and what is added, in this order', async (t) => {
  const { wire, writer } = writerOf();
  writer.writeHead('A\r\n', ['B', 'c', 'weft-connection', 'close', 'D', ''], 'E: f\r\n', 'plain');
  t.equal(wire.takeText(), 'A\r\nB: c\r\nD: \r\nE: f\r\n\r\n');
  t.equal(writer.done, false);
});

t.test('a message without a body is done with its head', async (t) => {
  const { wire, writer } = writerOf();
  writer.writeHead('A\r\n', [], '', 'none');
  t.equal(writer.done, true);
  t.equal(writer.writeBody(octets('abc'), 0, 3, true), 3, 'what comes is disposed of');
  writer.writeTrailers(['a', 'b']);
  t.equal(wire.takeText(), 'A\r\n\r\n');
});

t.test('a body goes as it is, or in chunks of what is given', async (t) => {
  const plain = writerOf();
  plain.writer.writeHead('A\r\n', [], '', 'plain');
  t.equal(plain.writer.writeBody(octets('.abc.'), 1, 4, false), 3);
  t.equal(plain.writer.writeBody(octets('d'), 0, 1, true), 1);
  t.equal(plain.wire.takeText(), 'A\r\n\r\nabcd');
  t.equal(plain.writer.done, true);
  const chunked = writerOf();
  chunked.writer.writeHead('A\r\n', [], 'X: y\r\n', 'chunked');
  chunked.writer.writeBody(octets(`.${'a'.repeat(20)}.`), 1, 21, false);
  chunked.writer.writeBody(octets(''), 0, 0, false);
  t.equal(chunked.writer.done, false);
  chunked.writer.writeBody(octets(''), 0, 0, true);
  t.equal(
    chunked.wire.takeText(),
    `A\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n${'a'.repeat(20)}\r\n0\r\n\r\n`,
  );
  t.equal(chunked.writer.done, true);
});

t.test('trailers end a body of chunks, and are dropped of others', async (t) => {
  for (const [framing, expected] of [
    ['chunked', '1\r\nx\r\n0\r\na: b\r\nc: d\r\n\r\n'],
    ['plain', 'x'],
  ] as const) {
    const { wire, writer } = writerOf();
    writer.writeHead('A\r\n', [], '', framing);
    wire.take();
    writer.writeBody(octets('x'), 0, 1, false);
    writer.writeTrailers(['a', 'b', 'c', 'd']);
    t.equal(writer.done, true);
    writer.writeTrailers(['e', 'f']);
    t.equal(wire.takeText(), expected);
  }
});

t.test('what the wire does not take waits, is told when it leaves, and keeps its order and its end', async (t) => {
  for (const end of ['last', 'alone', 'trailers'] as const) {
    const { wire, writer, listener } = writerOf();
    writer.writeHead('A\r\n', [], '', 'chunked');
    wire.take();
    wire.blocked = true;
    t.equal(writer.writeBody(octets('ab'), 0, 2, false), 0);
    wire.blocked = false;
    t.equal(writer.writeBody(octets('.cde'), 1, 4, end === 'last'), 0, 'behind what waits, although the wire takes it');
    if (end === 'alone') t.equal(writer.writeBody(octets(''), 0, 0, true), 0);
    if (end === 'trailers') writer.writeTrailers(['x', 'y']);
    t.equal(wire.held, 5);
    wire.blocked = true;
    t.equal(writer.pump(listener), false);
    t.same([wire.takeText(), listener.sent, writer.done], ['', 0, false]);
    wire.blocked = false;
    t.equal(writer.pump(listener), true);
    t.equal(wire.takeText(), `2\r\nab\r\n3\r\ncde\r\n0\r\n${end === 'trailers' ? 'x: y\r\n' : ''}\r\n`);
    t.same([wire.held, listener.sent, writer.done], [0, 5, true]);
    t.equal(writer.pump(listener), true);
    t.equal(wire.takeText(), '', 'it ends once');
  }
});

t.test('trailers wait behind a single piece that waits', async (t) => {
  const { wire, writer, listener } = writerOf();
  writer.writeHead('A\r\n', [], '', 'chunked');
  wire.take();
  wire.blocked = true;
  writer.writeBody(octets('ab'), 0, 2, false);
  writer.writeTrailers(['x', 'y']);
  t.same([wire.takeText(), writer.done], ['', false]);
  wire.blocked = false;
  t.equal(writer.pump(listener), true);
  t.equal(wire.takeText(), '2\r\nab\r\n0\r\nx: y\r\n\r\n');
});

t.test('an empty end needs no room', async (t) => {
  const { wire, writer } = writerOf();
  writer.writeHead('A\r\n', [], '', 'chunked');
  wire.take();
  wire.blocked = true;
  t.equal(writer.writeBody(octets(''), 0, 0, true), 0);
  t.same([wire.takeText(), writer.done], ['0\r\n\r\n', true]);
});

t.test('nothing is left of one message when the next begins', async (t) => {
  const { wire, writer, listener } = writerOf();
  writer.writeHead('A\r\n', [], '', 'chunked');
  wire.blocked = true;
  writer.writeBody(octets('lost'), 0, 4, true);
  writer.writeTrailers(['a', 'b']);
  wire.blocked = false;
  wire.take();
  writer.begin();
  t.equal(writer.done, false);
  writer.writeBody(octets('next'), 0, 4, false);
  t.equal(writer.pump(listener), true);
  t.same([wire.takeText(), writer.done, listener.sent], ['next', false, 0]);
});

t.test('a tunnel has no framing, whatever the message before it had', async (t) => {
  const { wire, writer } = writerOf();
  writer.writeHead('A\r\n', [], '', 'chunked');
  writer.openTunnel();
  wire.take();
  writer.writeBody(octets('x'), 0, 1, true);
  t.equal(wire.takeText(), 'x');
  writer.openTunnel();
  t.equal(writer.done, false);
});

t.test(
  'a shared head is repeated once it has been written twice running, with the framing that is asked for',
  async (t) => {
    const { wire, writer } = writerOf();
    const head = {};
    const write = (variant: number) => {
      if (writer.repeatHead(head, variant, 'chunked')) return `again ${wire.takeText()}`;
      writer.writeSharedHead(head, variant, 'A\r\n', ['b', 'c'], '', 'chunked');
      return wire.takeText();
    };
    const text = 'A\r\nb: c\r\nTransfer-Encoding: chunked\r\n\r\n';
    t.same([write(0), write(0), write(0), write(0)], [text, text, `again ${text}`, `again ${text}`]);
    t.same([write(1), write(1), write(1)], [text, text, `again ${text}`], 'another variant is another head');
    t.equal(writer.repeatHead({}, 1, 'plain'), false);
    t.equal(writer.repeatHead(head, 1, 'none'), true);
    t.equal(writer.done, true);
    t.equal(writer.repeatHead(head, 1, 'chunked'), true);
    t.equal(writer.done, false);
    wire.take();
    writer.writeBody(octets('x'), 0, 1, true);
    t.equal(wire.takeText(), '1\r\nx\r\n0\r\n\r\n');
  },
);

t.test('heads of 768 octets are kept to be repeated, longer ones are not', async (t) => {
  for (const [length, isKept] of [
    [768, true],
    [769, false],
  ] as const) {
    const { wire, writer } = writerOf();
    const head = {};
    const value = 'v'.repeat(length - 'A\r\nb: \r\n\r\n'.length);
    for (let i = 0; i < 2; i++) writer.writeSharedHead(head, 0, 'A\r\n', ['b', value], '', 'plain');
    const once = wire.takeText().slice(length);
    t.equal(once.length, length);
    t.equal(writer.repeatHead(head, 0, 'plain'), isKept);
    if (isKept) t.equal(wire.takeText(), once);
  }
});

t.test('bodies and heads of any length are whole', async (t) => {
  for (const length of [16_383, 16_384, 16_385, 40_000]) {
    const { wire, writer } = writerOf();
    const text = Array.from({ length }, (_, i) => String.fromCharCode(97 + (i % 23))).join('');
    writer.writeHead('A\r\n', ['b', text], '', 'plain');
    writer.writeBody(octets(text), 0, length, true);
    t.ok(wire.takeText() === `A\r\nb: ${text}\r\n\r\n${text}`, `${length}`);
  }
});

t.test('a field is found by its lower-case name, whatever its case', async (t) => {
  const fields = ['A', '1', 'content-length', '2', 'Content-Length', '3', 'ab', 'a'];
  t.equal(fieldValue(fields, 'a'), '1');
  t.equal(fieldValue(fields, 'content-length'), '2');
  t.equal(fieldValue(['Content-LENGTH', '0'], 'content-length'), '0');
  t.equal(fieldValue(fields, '1'), null, 'a value is no name');
  t.equal(fieldValue([], 'a'), null);
});
