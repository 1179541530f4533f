import type { Fields, ResponseHead, StreamListener } from '../../proxy/http.ts';
import { MALFORMED_ANSWER } from '../../proxy/http2/wire-vocabulary.ts';

/** Writes down everything that a stream hears; neighbouring pieces of a body as one, so that splits do not show. */
export class Recorder implements StreamListener {
  readonly heard: string[] = [];
  /** The stream whose octets are granted again as they come; null: none is. */
  stream: { grant(octets: number): void } | null = null;
  grants = true;
  sent = 0;

  onResponse(head: ResponseHead, end: boolean): void {
    this.heard.push(`response ${head.status} ${head.fields.join(' ')}${end ? ' end' : ''}`);
  }

  onInformational(head: ResponseHead): void {
    this.heard.push(`informational ${head.status}`);
  }

  onData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (start > end || end > bytes.length) this.heard.push(`a range of ${start} to ${end} in ${bytes.length} octets`);
    const text = Buffer.from(bytes.subarray(start, end)).toString('latin1') + (last ? ' end' : '');
    if (this.heard.at(-1)?.startsWith('data ')) this.heard[this.heard.length - 1] += text;
    else this.heard.push(`data ${text}`);
    if (this.grants) this.stream?.grant(end - start);
  }

  onTrailers(fields: Fields): void {
    this.heard.push(`trailers ${fields.join(' ')}`);
  }

  onReset(code: number): void {
    this.heard.push(code === MALFORMED_ANSWER ? 'malformed answer' : `reset ${code}`);
  }

  onSent(octets: number): void {
    this.sent += octets;
  }
}
