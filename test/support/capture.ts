import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Octets of TCP seen on an interface, by direction: key `source:port>destination:port`. */
export type Streams = ReadonlyMap<string, Buffer>;

/** Captures TCP on an interface with tcpdump. */
export class Capture {
  readonly #file: string;
  readonly #child: ChildProcess;

  private constructor(file: string, child: ChildProcess) {
    this.#file = file;
    this.#child = child;
  }

  /** Begins; resolves when tcpdump listens. */
  static async start(device: string, filter: string, file: string): Promise<Capture> {
    const child = spawn('tcpdump', ['-i', device, '-U', '-s', '0', '-w', file, ...filter.split(' ')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await new Promise<void>((resolve, reject) => {
      child.stderr!.on('data', (text) => String(text).includes('listening on') && resolve());
      child.on('error', reject);
      child.on('close', (code) => reject(new Error(`tcpdump ended with ${code}`)));
    });
    return new Capture(file, child);
  }

  /** Ends the capture and puts the streams together, in the order of the packets. */
  async stop(): Promise<Streams> {
    await new Promise((resolve) => setTimeout(resolve, 300));
    this.#child.kill('SIGTERM');
    await new Promise((resolve) => this.#child.on('close', resolve));
    return readStreams(readFileSync(this.#file));
  }
}

/** The octets of every direction of every connection in a pcap file of an Ethernet device. */
function readStreams(pcap: Buffer): Streams {
  const streams = new Map<string, Buffer>();
  for (let at = 24; at + 16 <= pcap.length; ) {
    const length = pcap.readUInt32LE(at + 8);
    const frame = pcap.subarray(at + 16, at + 16 + length);
    at += 16 + length;
    const type = frame.readUInt16BE(12);
    const ip = frame.subarray(14);
    let tcp: Buffer;
    let addresses: [string, string];
    if (type === 0x0800 && ip[9] === 6) {
      tcp = ip.subarray((ip[0]! & 15) * 4, ip.readUInt16BE(2));
      addresses = [ip.subarray(12, 16).join('.'), ip.subarray(16, 20).join('.')];
    } else if (type === 0x86dd && ip[6] === 6) {
      tcp = ip.subarray(40, 40 + ip.readUInt16BE(4));
      addresses = [ip.subarray(8, 24).toString('hex'), ip.subarray(24, 40).toString('hex')];
    } else continue;
    const payload = tcp.subarray((tcp[12]! >> 4) * 4);
    if (payload.length === 0) continue;
    const key = `${addresses[0]}:${tcp.readUInt16BE(0)}>${addresses[1]}:${tcp.readUInt16BE(2)}`;
    streams.set(key, Buffer.concat([streams.get(key) ?? Buffer.alloc(0), payload]));
  }
  return streams;
}

/** Whether octets are nothing but TLS records; the first that is none is named. */
export function tlsFault(octets: Buffer): string | null {
  for (let at = 0; at < octets.length; ) {
    if (at + 5 > octets.length) return null;
    const type = octets[at]!;
    if (type < 20 || type > 23 || octets[at + 1] !== 3)
      return `no TLS record at octet ${at}: ${octets.subarray(at, at + 40).toString('latin1')}`;
    at += 5 + octets.readUInt16BE(at + 3);
  }
  return null;
}
