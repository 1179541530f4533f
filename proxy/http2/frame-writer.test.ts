import t from 'tap';

import { MemoryWire } from '../../test/support/memory-wire.ts';
import * as write from './frame-writer.ts';

/** The octets that `writer` writes, in hexadecimal; spaces stand in `expected` for reading alone. */
function written(writer: (wire: MemoryWire) => void): string {
  const wire = new MemoryWire();
  writer(wire);
  return Buffer.from(wire.take()).toString('hex');
}

const hex = (text: string) => text.replaceAll(' ', '');
const octets = Uint8Array.from({ length: 70_000 }, (_, i) => i & 255);

t.test('DATA is length, type, flags, stream and payload', async (t) => {
  t.equal(
    written((wire) => write.writeData(wire, 0x01020304, octets, 3, 5, false)),
    hex('000002 00 00 01020304 0304'),
  );
  t.equal(
    written((wire) => write.writeData(wire, 1, octets, 3, 3, true)),
    hex('000000 00 01 00000001'),
  );
});

t.test('DATA of any length has its octets and no others', async (t) => {
  for (const length of [63, 64, 65, 255, 256, 65_536]) {
    const wire = new MemoryWire();
    write.writeData(wire, 1, octets, 2, 2 + length, false);
    write.writeData(wire, 3, octets, 0, 0, true);
    const bytes = Buffer.from(wire.take());
    t.equal(bytes.readUIntBE(0, 3), length);
    t.ok(bytes.subarray(9, 9 + length).equals(octets.subarray(2, 2 + length)), `${length} octets`);
    t.equal(bytes.subarray(9 + length).toString('hex'), hex('000000 00 01 00000003'));
  }
});

t.test('a header block goes into one HEADERS frame where it fits', async (t) => {
  t.equal(
    written((wire) => write.writeHeaders(wire, 1, octets, 4, false, 4)),
    hex('000004 01 04 00000001 00010203'),
  );
  t.equal(
    written((wire) => write.writeHeaders(wire, 1, octets, 3, true, 4)),
    hex('000003 01 05 00000001 000102'),
  );
});

t.test('a longer one goes on in CONTINUATION, of which the last ends it; END_STREAM is on the first', async (t) => {
  t.equal(
    written((wire) => write.writeHeaders(wire, 1, octets, 5, true, 4)),
    hex('000004 01 01 00000001 00010203 000001 09 04 00000001 04'),
  );
  t.equal(
    written((wire) => write.writeHeaders(wire, 1, octets, 8, false, 3)),
    hex('000003 01 00 00000001 000102 000003 09 00 00000001 030405 000002 09 04 00000001 0607'),
  );
});

t.test('a block of any length has its octets', async (t) => {
  for (const length of [63, 64, 65, 200]) {
    const bytes = Buffer.from(
      written((wire) => write.writeHeaders(wire, 1, octets, length, true, 16_384)),
      'hex',
    );
    t.ok(bytes.subarray(9).equals(octets.subarray(0, length)), `${length} octets`);
  }
});

t.test('RST_STREAM and WINDOW_UPDATE are 32 bits on a stream', async (t) => {
  t.equal(
    written((wire) => write.writeReset(wire, 5, 0x8)),
    hex('000004 03 00 00000005 00000008'),
  );
  t.equal(
    written((wire) => write.writeWindowUpdate(wire, 5, 0x7a1b2c3d)),
    hex('000004 08 00 00000005 7a1b2c3d'),
  );
});

t.test('SETTINGS is pairs of 16 and 32 bits, or an empty acknowledgement', async (t) => {
  t.equal(
    written((wire) =>
      write.writeSettings(wire, [
        [0x0102, 0xf1e2d3c4],
        [4, 1],
      ]),
    ),
    hex('00000c 04 00 00000000 0102 f1e2d3c4 0004 00000001'),
  );
  t.equal(
    written((wire) => write.writeSettingsAck(wire)),
    hex('000000 04 01 00000000'),
  );
});

t.test('PING has eight octets, its answer the same and ACK', async (t) => {
  t.equal(
    written((wire) => write.writePing(wire, false, octets, 1)),
    hex('000008 06 00 00000000 0102030405060708'),
  );
  t.equal(
    written((wire) => write.writePing(wire, true, octets, 0)),
    hex('000008 06 01 00000000 0001020304050607'),
  );
});

t.test('GOAWAY is the last stream and a code', async (t) => {
  t.equal(
    written((wire) => write.writeGoAway(wire, 0x7fffffff, 0xb)),
    hex('000008 07 00 00000000 7fffffff 0000000b'),
  );
});
