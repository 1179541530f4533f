/** Why first octets are HTTP: the preface, the version that a line names, or its method and target. `octets`: they are none. */
export type Verdict = 'preface' | 'version' | 'target' | 'octets';

/**
 * What the first octets of a connection to a port of unknown protocol are, written once more for the tests: the preface
 * of HTTP/2, a first line whose second or third word begins with `HTTP/`, `RTSP/` or `ICE/` in any case, or a registered
 * method and a target that begins with `/` or `*` or has `://` (CONNECT: that ends in a port). Octets that are blanks to some
 * servers alone are read both ways.
 */
export function verdictOn(octets: Buffer): Verdict {
  const text = octets.toString('latin1');
  if (text.startsWith('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')) return 'preface';
  const readings = [firstWords(text), firstWords(text, NARROW)];
  if (readings.some((words) => namesVersion(words, text))) return 'version';
  return readings.some(namesTarget) ? 'target' : 'octets';
}

/** The words of the first line that is not empty. @param blank what parts them */
export function firstWords(text: string, blank = WIDE): readonly string[] {
  const line = new RegExp(`^[\\n${blank}]*([^\\n]*)`).exec(text)![1]!;
  return line.split(new RegExp(`[${blank}]+`)).filter((word) => word !== '');
}

const WIDE = '\\t\\v-\\r\\x1c- \\x85\\xa0';
const NARROW = '\\t\\v-\\r\\x1c- ';

function namesVersion([method = '', ...words]: readonly string[], text: string): boolean {
  if (!words.slice(0, 2).some((word) => VERSION.test(word))) return false;
  // No server that takes any word for a method reads a longer line.
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method) || text.search(/(?:HTTP|RTSP|ICE)\//i) < MAX_ODD_LINE;
}

const VERSION = /^(?:HTTP|RTSP|ICE)\//i;

function namesTarget([method = '', target = '']: readonly string[]): boolean {
  if (!METHODS.has(method)) return false;
  return /^[/*]|:\/\//.test(target) || (method === 'CONNECT' && /:\d+$/.test(target));
}

const MAX_ODD_LINE = 65_536;

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
