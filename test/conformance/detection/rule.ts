/** Why first octets are HTTP: the preface, the version that a line names, or its method and target. `octets`: they are none. */
export type Verdict = 'preface' | 'version' | 'target' | 'octets';

/**
 * What the first octets of a connection to a port of unknown protocol are, written once more for the tests: the preface
 * of HTTP/2, a first line whose third word begins with `HTTP/`, `RTSP/` or `ICE/` in any case, or a registered method and a
 * target that begins with `/` or `*` or has `://` (CONNECT: that ends in a port).
 */
export function verdictOn(octets: Buffer): Verdict {
  const text = octets.toString('latin1');
  if (text.startsWith('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')) return 'preface';
  const [method = '', target = '', version = ''] = firstWords(text);
  if (/^(?:HTTP|RTSP|ICE)\//i.test(version)) return 'version';
  if (!METHODS.has(method)) return 'octets';
  if (/^[/*]|:\/\//.test(target) || (method === 'CONNECT' && /:\d+$/.test(target))) return 'target';
  return 'octets';
}

/** The words of the first line that is not empty. */
export function firstWords(text: string): readonly string[] {
  const line = /^[\t-\r\x1c- \x85\xa0]*([^\n]*)/.exec(text)![1]!;
  return line.split(/[\t\v-\r\x1c- \x85\xa0]+/).filter((word) => word !== '');
}

/** The HTTP Method Registry, and those of UPnP, RTSP 1.0 and ICE: llhttp takes them without a version too, as HTTP/0.9. */
export const METHODS: ReadonlySet<string> = new Set(
  (
    'ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK LOCK MERGE MKACTIVITY MKCALENDAR ' +
    'MKCOL MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH POST PRI PROPFIND PROPPATCH PUT QUERY REBIND REPORT ' +
    'SEARCH TRACE UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL ' +
    'M-SEARCH NOTIFY PURGE SUBSCRIBE UNSUBSCRIBE ' +
    'ANNOUNCE DESCRIBE FLUSH GET_PARAMETER PAUSE PLAY RECORD REDIRECT SET_PARAMETER SETUP SOURCE TEARDOWN'
  ).split(' '),
);
