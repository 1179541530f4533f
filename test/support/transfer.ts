import { download, startBulkApplication, upload } from './bulk.ts';
import { type ProxyProcess, startProxyPair } from './proxy-process.ts';

/** How a large body went through two proxies. */
export interface Transfer {
  readonly name: string;
  /** Octets that arrived. */
  readonly octets: number;
  readonly tookMs: number;
  /** Octets by which the private memory of the proxy that grew most exceeded, at its peak, what it was before. */
  readonly growth: number;
  /** The most private memory of either proxy. */
  readonly peak: number;
}

/** Growth of a proxy's memory that a body may cause, whatever its size: windows, buffers of sockets, and garbage. */
export const MAX_GROWTH = 64 << 20;

/** Carries a body of so many octets up and then down, each over HTTP/1.1 and HTTP/2, through two proxies with mutual TLS. */
export async function* transfers(octets: number): AsyncGenerator<Transfer> {
  for (const protocol of ['http1', 'http2'] as const) {
    const application = await startBulkApplication(protocol);
    const pair = await startProxyPair(application.port);
    try {
      for (const [direction, carry] of [
        ['up', upload],
        ['down', download],
      ] as const) {
        await carry(protocol, pair.port, WARM_UP);
        const watches = [pair.outbound, pair.inbound].map((proxy) => new MemoryWatch(proxy));
        const start = performance.now();
        const carried = await carry(protocol, pair.port, octets);
        const tookMs = Math.round(performance.now() - start);
        const ends = watches.map((watch) => watch.end());
        yield {
          name: `${octets / (1 << 20)} MiB ${direction} over ${protocol === 'http1' ? 'HTTP/1.1' : 'HTTP/2'}`,
          octets: carried,
          tookMs,
          growth: Math.max(...ends.map(({ growth }) => growth)),
          peak: Math.max(...ends.map(({ peak }) => peak)),
        };
      }
    } finally {
      pair.end();
      application.close();
    }
  }
}

/** The transfer in words. */
export function describeTransfer({ name, tookMs, growth, peak }: Transfer): string {
  return `${name}: ${tookMs} ms, private memory grew by ${mebibytes(growth)} MiB to ${mebibytes(peak)} MiB`;
}

function mebibytes(octets: number): string {
  return (octets / (1 << 20)).toFixed(1);
}

/** Before memory is looked at: code is compiled and buffers are there. */
const WARM_UP = 4 << 20;

/** Looks at a proxy's private memory while something goes on. */
class MemoryWatch {
  readonly #proxy: ProxyProcess;
  readonly #before: number;
  readonly #timer: NodeJS.Timeout;
  #peak: number;

  constructor(proxy: ProxyProcess) {
    this.#proxy = proxy;
    this.#before = proxy.unshared();
    this.#peak = this.#before;
    this.#timer = setInterval(() => this.#look(), 50);
  }

  end(): { growth: number; peak: number } {
    clearInterval(this.#timer);
    this.#look();
    return { growth: this.#peak - this.#before, peak: this.#peak };
  }

  #look(): void {
    this.#peak = Math.max(this.#peak, this.#proxy.unshared());
  }
}
