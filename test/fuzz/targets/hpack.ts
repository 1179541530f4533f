import { HpackDecoder } from '../../../proxy/http2/hpack/decoder.ts';
import { HpackEncoder } from '../../../proxy/http2/hpack/encoder.ts';
import { HUFFMAN_ERROR, huffmanDecode, huffmanEncode, huffmanLength } from '../../../proxy/http2/hpack/huffman.ts';
import { decodeLatin1 } from '../../../proxy/transport/latin1.ts';
import { tellStory } from '../../conformance/hpack/story.ts';
import { damage, type Target } from '../target.ts';

/** Header blocks of one connection, each after its length (u16). What is decoded must survive our own encoder. */
export const hpack: Target = {
  make(random) {
    const encoder = new HpackEncoder(4096);
    const parts: Uint8Array[] = [];
    for (const { tableSize, fields } of tellStory(random).slice(0, 4)) {
      if (tableSize >= 0) encoder.limit(tableSize);
      const out = new Uint8Array(encoder.bound(fields));
      const block = damage(out.subarray(0, encoder.encode(fields, out, 0)), random);
      parts.push(Uint8Array.of(block.length >> 8, block.length & 255), block);
    }
    return Buffer.concat(parts);
  },
  run(octets) {
    const decoder = new HpackDecoder(decodeLatin1, 4096);
    const encoder = new HpackEncoder(4096);
    const back = new HpackDecoder(decodeLatin1, 4096);
    const heard: unknown[] = [];
    for (let at = 0; at + 2 <= octets.length; ) {
      const end = Math.min(octets.length, at + 2 + ((octets[at]! << 8) | octets[at + 1]!));
      const fields: string[] = [];
      const result = decoder.decode(octets, at + 2, end, fields, 20_000);
      heard.push(result, fields.length);
      at = end;
      if (result === -1) break;
      const out = new Uint8Array(encoder.bound(fields));
      const again: string[] = [];
      const length = encoder.encode(fields, out, 0);
      if (length > out.length) throw new Error(`the block has ${length} octets, its bound was ${out.length}`);
      if (back.decode(out, 0, length, again, 1 << 24) !== 0 || again.join('\n') !== fields.join('\n'))
        throw new Error('a decoded list does not survive our encoder');
    }
    return JSON.stringify(heard);
  },
};

/** A Huffman string. It is canonical: what decodes must encode to the same octets. */
export const huffman: Target = {
  make(random) {
    const text = decodeLatin1(random.octets(random.below(60)), 0, 60);
    const out = new Uint8Array(huffmanLength(text));
    huffmanEncode(text, out, 0);
    return random.oneIn(3) ? random.octets(random.below(12)) : damage(out, random);
  },
  run(octets) {
    const out = new Uint8Array(octets.length * 2);
    const length = huffmanDecode(octets, 0, octets.length, out);
    if (length === HUFFMAN_ERROR) return 'refused';
    const text = decodeLatin1(out, 0, length);
    const again = new Uint8Array(huffmanLength(text));
    if (huffmanEncode(text, again, 0) !== again.length || Buffer.compare(again, octets) !== 0)
      throw new Error('a decoded string encodes otherwise');
    return text;
  },
};
