import type { Target } from './target.ts';
import { hpack, huffman } from './targets/hpack.ts';
import { http1Body, http1Request, http1Response } from './targets/http1.ts';
import { http2Client, http2Server } from './targets/http2.ts';
import { token } from './targets/token.ts';
import { clientHello, detect, ipv6, transportHeader } from './targets/transport.ts';

/** Every parser that reads what a stranger may have written, by the name that `make fuzz` takes. */
export const TARGETS: Readonly<Record<string, Target>> = {
  'http1-request': http1Request,
  'http1-body': http1Body,
  'http1-response': http1Response,
  'http2-server': http2Server,
  'http2-client': http2Client,
  hpack,
  huffman,
  'client-hello': clientHello,
  'transport-header': transportHeader,
  detect,
  ipv6,
  token,
};
