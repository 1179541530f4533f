import type { Random } from '../../../core/testing/random.ts';
import { readClientHello } from '../../../proxy/transport/client-hello.ts';
import { Detector } from '../../../proxy/transport/detect.ts';
import { ipv6Text } from '../../../proxy/transport/original-destination.ts';
import { readTransportHeader, writeTransportHeader } from '../../../proxy/transport/transport-header.ts';
import { wellFormed } from '../../conformance/http1/request-generator.ts';
import { damage, inPieces, type Target } from '../target.ts';

/** The first octets of a TLS connection. */
export const clientHello: Target = {
  make: (random) => damage(hello(random), random),
  run: (octets, ends) => decided(octets, ends, readClientHello, 'incomplete'),
};

/** Linkerd's transport header. */
export const transportHeader: Target = {
  make(random) {
    const name = random.oneIn(2) ? '' : 'web.default'.repeat(1 + random.below(20));
    const header = { port: random.below(65_536), name, session: random.pick(['http1', 'http2', null] as const) };
    return damage(Buffer.concat([writeTransportHeader(header), random.octets(random.below(4))]), random);
  },
  run: (octets, ends) => decided(octets, ends, readTransportHeader, 'more'),
};

/** What protocol a connection speaks. */
export const detect: Target = {
  make: (random) =>
    damage(
      Buffer.from(random.oneIn(3) ? 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' : wellFormed(random).slice(0, 200), 'latin1'),
      random,
    ),
  run: (octets, ends) => decided(octets, ends, settled, 'more'),
};

function settled(octets: Uint8Array): string {
  const detector = new Detector();
  detector.feed(octets, 0, octets.length);
  return detector.isSettled ? detector.decided! : 'more';
}

/** The text of an IPv6 address, which the platform's URL parser must read and write alike. */
export const ipv6: Target = {
  make: (random) => Uint8Array.from({ length: 16 }, () => (random.oneIn(2) ? 0 : random.below(256))),
  run(octets) {
    if (octets.length < 16) return '';
    const text = ipv6Text(Buffer.from(octets), 0);
    const url = new URL(`http://[${text}]/`).hostname;
    if (url !== `[${text}]`) throw new Error(`${text} should be ${url}`);
    return text;
  },
};

/** Reads ever longer beginnings. Once there is a verdict, more octets must not change it. */
function decided(
  octets: Uint8Array,
  ends: readonly number[],
  read: (bytes: Buffer) => unknown,
  undecided: string,
): string {
  let verdict: string | null = null;
  inPieces(ends, (_start, end) => {
    const result = read(Buffer.from(octets.buffer, octets.byteOffset, end));
    const text = JSON.stringify(result);
    if (verdict !== null && text !== verdict) throw new Error(`${verdict} became ${text} with ${end} octets`);
    if (result !== undecided) verdict = text;
  });
  return verdict ?? undecided;
}

function hello(random: Random): Buffer {
  const extension = (type: number, body: Buffer) => Buffer.concat([u16(type), u16(body.length), body]);
  const extensions: Buffer[] = [];
  const sni = Buffer.from(random.pick(['a', 'api.default.serviceaccount.identity.weft.cluster.local', '']));
  if (random.below(4) > 0)
    extensions.push(extension(0, Buffer.concat([u16(sni.length + 3), Buffer.of(0), u16(sni.length), sni])));
  if (random.oneIn(2)) {
    const names = Buffer.concat(
      ['weft.http/1', 'h2'].map((name) => Buffer.concat([Buffer.of(name.length), Buffer.from(name)])),
    );
    extensions.push(extension(16, Buffer.concat([u16(names.length), names])));
  }
  if (random.oneIn(2))
    extensions.push(extension(51, Buffer.from(random.octets(random.below(random.oneIn(10) ? 1500 : 60)))));
  const all = Buffer.concat(extensions);
  const body = Buffer.concat([
    Buffer.of(3, 3),
    Buffer.alloc(32),
    Buffer.of(0),
    u16(2),
    u16(0x1301),
    Buffer.of(1, 0),
    u16(all.length),
    all,
  ]);
  const message = Buffer.concat([Buffer.of(1, 0), u16(body.length), body]);
  const cut = random.oneIn(3) ? 1 + random.below(message.length - 1) : message.length;
  const records = [message.subarray(0, cut), message.subarray(cut)].filter(({ length }) => length > 0);
  return Buffer.concat(records.flatMap((record) => [Buffer.of(22, 3, 1), u16(record.length), record]));
}

function u16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 255);
}
