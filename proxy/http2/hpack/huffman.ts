import { HUFFMAN_CODES, HUFFMAN_LENGTHS } from './huffman-codes.ts';

/** A Huffman string that ends in the wrong padding or holds EOS (RFC 7541 section 5.2). */
export const HUFFMAN_ERROR = -1;

/**
 * Decodes `bytes[start, end)` into `out`, which must have room for `(end - start) * 8 / 5` octets.
 *
 * Walks a binary tree four bits at a time: each state is a tree node, each step emits at most one octet, because the
 * shortest code has five bits.
 *
 * @returns octets written from `out[0]`, or {@link HUFFMAN_ERROR}
 */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let state = 0;
  let at = 0;
  for (let i = start; i < end; i++) {
    const octet = bytes[i]!;
    let step = STEPS[(state << 4) | (octet >> 4)]!;
    if (step < 0) return HUFFMAN_ERROR;
    if (step & EMITS) out[at++] = step & 0xff;
    state = step >> 10;
    step = STEPS[(state << 4) | (octet & 0xf)]!;
    if (step < 0) return HUFFMAN_ERROR;
    if (step & EMITS) out[at++] = step & 0xff;
    state = step >> 10;
  }
  return ACCEPTING[state] === 1 ? at : HUFFMAN_ERROR;
}

/** Octets that the Latin-1 string `text` takes when Huffman-coded. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += HUFFMAN_LENGTHS[text.charCodeAt(i) & 0xff]!;
  return (bits + 7) >> 3;
}

/** Writes the Huffman code of the Latin-1 string `text` from `out[at]`; returns the offset after it. */
export function huffmanEncode(text: string, out: Uint8Array, at: number): number {
  // The lowest `bits` of `pending`, up to 7 between rounds, are to be written; what lies above them has been. Codes of up to
  // 30 bits are fed in two halves so that 32 are enough.
  let pending = 0;
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    const octet = text.charCodeAt(i) & 0xff;
    let length = HUFFMAN_LENGTHS[octet]!;
    const code = HUFFMAN_CODES[octet]!;
    if (length > 15) {
      const low = length - 15;
      pending = (pending << 15) | (code >>> low);
      bits += 15;
      while (bits >= 8) {
        bits -= 8;
        out[at++] = (pending >> bits) & 0xff;
      }
      length = low;
    }
    pending = (pending << length) | (code & ((1 << length) - 1));
    bits += length;
    while (bits >= 8) {
      bits -= 8;
      out[at++] = (pending >> bits) & 0xff;
    }
  }
  if (bits > 0) out[at++] = ((pending << (8 - bits)) | (0xff >> bits)) & 0xff;
  return at;
}

/** Set in a step that emits the octet in its low eight bits; the next state lies above. */
const EMITS = 0x100;

/** `STEPS[state * 16 + nibble]`: next state << 10 | EMITS? | octet, or -1. `ACCEPTING[state]`: the string may end here. */
const { STEPS, ACCEPTING } = buildSteps();

function buildSteps(): { STEPS: Int32Array; ACCEPTING: Uint8Array } {
  // The tree: children[2 * node + bit] is a node, a leaf (-2 - octet) or absent (-1).
  const children: number[] = [-1, -1];
  for (let octet = 0; octet <= 256; octet++) {
    let node = 0;
    for (let bit = HUFFMAN_LENGTHS[octet]! - 1; bit >= 0; bit--) {
      const slot = 2 * node + ((HUFFMAN_CODES[octet]! >>> bit) & 1);
      if (bit === 0) children[slot] = -2 - octet;
      else {
        if (children[slot] === -1) {
          children[slot] = children.length / 2;
          children.push(-1, -1);
        }
        node = children[slot]!;
      }
    }
  }

  const nodes = children.length / 2;
  const steps = new Int32Array(nodes * 16);
  for (let start = 0; start < nodes; start++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      let node = start;
      let emitted = 0;
      for (let bit = 3; bit >= 0 && node >= 0; bit--) {
        const next = children[2 * node + ((nibble >> bit) & 1)]!;
        if (next >= 0) node = next;
        else if (next === -1 || next === -2 - 256) node = -1;
        else {
          emitted = EMITS | (-2 - next);
          node = 0;
        }
      }
      steps[start * 16 + nibble] = node < 0 ? -1 : (node << 10) | emitted;
    }
  }

  // Padding is the most significant bits of EOS, all ones, and shorter than eight bits.
  const accepting = new Uint8Array(nodes);
  for (let node = 0, depth = 0; depth < 8 && node >= 0; depth++) {
    accepting[node] = 1;
    node = children[2 * node + 1]!;
  }
  return { STEPS: steps, ACCEPTING: accepting };
}
