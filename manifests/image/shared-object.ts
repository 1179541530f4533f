import { readFileSync } from 'node:fs';

/** What the header of a program or library says about where it runs and what it needs. */
export interface SharedObject {
  /** `e_machine`: 62 is x86-64, 183 AArch64. */
  readonly machine: number;
  /** Path of the dynamic loader; null: a library. */
  readonly interpreter: string | null;
  /** Names of the libraries that it is linked with. */
  readonly needed: readonly string[];
}

/**
 * Reads a 64-bit little-endian ELF file; null where it is none. Programs of other machines can be read, which `ldd`
 * cannot do.
 *
 * Source: System V ABI, "Object Files" and "Dynamic Linking"; elf(5).
 */
export function readSharedObject(file: string): SharedObject | null {
  const bytes = readFileSync(file);
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== MAGIC || bytes[4] !== CLASS_64 || bytes[5] !== LITTLE_ENDIAN)
    return null;
  const segments = readSegments(bytes);
  const interpreter = segments.find(({ type }) => type === PT_INTERP);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  return {
    machine: bytes.readUInt16LE(18),
    interpreter: interpreter ? textAt(bytes, interpreter.offset) : null,
    needed: dynamic ? readNeeded(bytes, dynamic, segments) : [],
  };
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

function readSegments(bytes: Buffer): Segment[] {
  const start = Number(bytes.readBigUInt64LE(32));
  const entrySize = bytes.readUInt16LE(54);
  return Array.from({ length: bytes.readUInt16LE(56) }, (_, at) => {
    const entry = start + at * entrySize;
    return {
      type: bytes.readUInt32LE(entry),
      offset: Number(bytes.readBigUInt64LE(entry + 8)),
      address: Number(bytes.readBigUInt64LE(entry + 16)),
      size: Number(bytes.readBigUInt64LE(entry + 32)),
    };
  });
}

function readNeeded(bytes: Buffer, dynamic: Segment, segments: readonly Segment[]): string[] {
  const names: number[] = [];
  let strings = 0;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const tag = Number(bytes.readBigInt64LE(at));
    const value = Number(bytes.readBigUInt64LE(at + 8));
    if (tag === DT_NULL) break;
    if (tag === DT_NEEDED) names.push(value);
    if (tag === DT_STRTAB) strings = offsetOf(value, segments);
  }
  return names.map((name) => textAt(bytes, strings + name));
}

/** Where in the file the octet at a virtual address lies. */
function offsetOf(address: number, segments: readonly Segment[]): number {
  const segment = segments.find(
    (each) => each.type === PT_LOAD && address >= each.address && address < each.address + each.size,
  );
  if (!segment) throw new Error(`no segment of the file holds the address ${address}`);
  return address - segment.address + segment.offset;
}

function textAt(bytes: Buffer, offset: number): string {
  return bytes.toString('latin1', offset, bytes.indexOf(0, offset));
}

const MAGIC = 0x7f454c46;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
