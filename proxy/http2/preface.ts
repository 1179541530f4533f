import type { ConnectionOptions } from './connection-options.ts';
import { writeSettings } from './frame-writer.ts';
import type { Wire } from './message.ts';
import * as h2 from './wire-vocabulary.ts';

/** Writes what a side says first: a client its magic octets, both their SETTINGS (RFC 9113 section 3.4). */
export function writePreface(wire: Wire, isClient: boolean, options: ConnectionOptions): void {
  const settings: [number, number][] = [
    [h2.SETTINGS_INITIAL_WINDOW_SIZE, options.streamWindow],
    [h2.SETTINGS_MAX_HEADER_LIST_SIZE, options.maxHeaderListSize],
  ];
  if (isClient) {
    wire.reserve(h2.PREFACE.length);
    for (let i = 0; i < h2.PREFACE.length; i++) wire.bytes[wire.end++] = h2.PREFACE.charCodeAt(i);
    settings.push([h2.SETTINGS_ENABLE_PUSH, 0]);
  } else {
    settings.push(
      [h2.SETTINGS_MAX_CONCURRENT_STREAMS, options.maxConcurrentStreams],
      [h2.SETTINGS_ENABLE_CONNECT_PROTOCOL, 1],
    );
  }
  writeSettings(wire, settings);
}
