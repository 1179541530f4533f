import type { Random } from '../../../core/testing/random.ts';
import { METHODS } from './rule.ts';

/** Places in a head where a client may pause. */
export type Mark = 'start' | 'in method' | 'after method' | 'in target' | 'before version' | 'after first line' | 'end';

/** A head to send, with requests behind it. Each carries identity headers that say {@link FORGED}. */
export interface Head {
  readonly octets: Buffer;
  readonly marks: Readonly<Record<Mark, number>>;
  /** Names of what was done to it; empty: it is well-formed. */
  readonly mutations: readonly string[];
}

/** What the value of an identity header begins with that a client made up. */
export const FORGED = 'FORGED';

/** A head that may have been damaged, with none to two requests behind it. @param n goes into its forged values */
export function makeHead(random: Random, n: number): Head {
  const parts: Parts = {
    before: '',
    method: 'GET',
    gap: ' ',
    target: `/${n}`,
    secondGap: ' ',
    version: 'HTTP/1.1',
    after: '',
    lineEnd: '\r\n',
    fields: ['Host: 127.0.0.1', `l5d-client-id: ${FORGED}-${n}`, `x-forwarded-client-cert: ${FORGED}-${n}`],
    behind: '',
  };
  const behind = random.below(3);
  for (let i = 1; i <= behind; i++) parts.behind += ordinary(n, i === behind);
  if (behind === 0) parts.fields.push('Connection: close');
  const mutations: string[] = [];
  for (let left = random.oneIn(20) ? 0 : 1 + random.below(3); left > 0; left--) {
    const [name, mutate] = random.pick(MUTATIONS);
    mutations.push(name);
    mutate(parts, random, n);
  }
  return compose(parts, mutations);
}

interface Parts {
  before: string;
  method: string;
  gap: string;
  target: string;
  secondGap: string;
  version: string;
  /** Between the version and the end of its line. */
  after: string;
  lineEnd: string;
  fields: string[];
  /** Octets after the head. */
  behind: string;
}

function compose(parts: Parts, mutations: readonly string[]): Head {
  const { before, method, gap, target, secondGap, version, after, lineEnd, fields, behind } = parts;
  const beforeTarget = before.length + method.length + gap.length;
  const beforeVersion = beforeTarget + target.length + secondGap.length;
  const line = before + method + gap + target + secondGap + version + after + lineEnd;
  const text = `${line}${fields.map((field) => field + lineEnd).join('')}${lineEnd}${behind}`;
  const marks: Record<Mark, number> = {
    start: 0,
    'in method': before.length + (method.length >> 1),
    'after method': before.length + method.length,
    'in target': beforeTarget + (target.length >> 1),
    'before version': beforeVersion,
    'after first line': line.length,
    end: text.length,
  };
  return { octets: Buffer.from(text, 'latin1'), marks, mutations };
}

/** A request as it should be, but for its claims. */
function ordinary(n: number, isLast: boolean): string {
  return (
    `GET /${n}/behind HTTP/1.1\r\nHost: 127.0.0.1\r\nl5d-client-id: ${FORGED}-${n}\r\n` +
    `x-forwarded-client-cert: ${FORGED}-${n}\r\n${isLast ? 'Connection: close\r\n' : ''}\r\n`
  );
}

/** What some parser takes for the end of a word. */
const BLANKS = [' ', '\t', '\v', '\f', '\r', '\x1c', '\x1d', '\x1e', '\x1f', '\x85', '\xa0', '\0'];

function blanks(random: Random): string {
  switch (random.below(8)) {
    case 0:
      return ' '.repeat(2 + random.below(3));
    case 1:
      return random.oneIn(8)
        ? random.pick([' ', '\t']).repeat(100_000)
        : random.pick(BLANKS).repeat(1 + random.below(9000));
    case 2:
      return ` ${random.pick(BLANKS)}`;
    case 3:
      return `${random.pick(BLANKS)} `;
    case 4:
      return random.pick(BLANKS) + random.pick(BLANKS);
    default:
      return random.pick(BLANKS);
  }
}

function otherCase(random: Random, word: string): string {
  if (random.oneIn(3)) return word.toLowerCase();
  return word.replace(/[a-z]/gi, (letter) => (random.oneIn(2) ? letter.toLowerCase() : letter.toUpperCase()));
}

type Mutation = readonly [name: string, mutate: (parts: Parts, random: Random, n: number) => void];

/** An octet of a head other than the line's own, at any place of a word. */
function insert(random: Random, word: string, octet: string): string {
  const at = random.below(word.length + 1);
  return word.slice(0, at) + octet + word.slice(at);
}

const MUTATIONS: readonly Mutation[] = [
  [
    'blanks after the method',
    (parts, random) => {
      parts.gap = blanks(random);
    },
  ],
  [
    'blanks before the version',
    (parts, random) => {
      parts.secondGap = blanks(random);
    },
  ],
  [
    'blanks after the version',
    (parts, random) => {
      parts.after = blanks(random);
    },
  ],
  [
    'blanks before the method',
    (parts, random) => {
      parts.before += blanks(random);
    },
  ],
  [
    'empty lines first',
    (parts, random) => {
      parts.before += random.pick(['\r\n', '\n', '\r\n\r\n', '\n\r\n', ' \r\n', '\t\n', '\r', '\n'.repeat(300)]);
    },
  ],
  [
    'bare line feeds',
    (parts) => {
      parts.lineEnd = '\n';
    },
  ],
  [
    'bare carriage returns',
    (parts) => {
      parts.lineEnd = '\r';
    },
  ],
  [
    'two carriage returns',
    (parts) => {
      parts.lineEnd = '\r\r\n';
    },
  ],
  [
    'a registered method',
    (parts, random) => {
      parts.method = random.pick([...METHODS]);
    },
  ],
  [
    'another case of the method',
    (parts, random) => {
      parts.method = otherCase(random, parts.method);
    },
  ],
  [
    'another case of the version',
    (parts, random) => {
      parts.version = otherCase(random, parts.version);
    },
  ],
  [
    'an unregistered method',
    (parts, random) => {
      parts.method = random.pick([
        'FOO',
        'X-Y',
        'G!T',
        'GET_',
        'gEt',
        '123',
        "'",
        'GETT',
        'GE',
        'SMTP|',
        '*',
        '/',
        'É',
      ]);
    },
  ],
  [
    'a very long method',
    (parts, random) => {
      parts.method = 'A'.repeat(random.pick([33, 256, 8192, 20_000]));
    },
  ],
  [
    'no method',
    (parts) => {
      parts.method = '';
    },
  ],
  [
    'a very long target',
    (parts, random) => {
      parts.target = `/${'a'.repeat(random.pick([8000, 8192, 16_384, 70_000, 100_000]))}`;
    },
  ],
  [
    'absolute-form',
    (parts, random) => {
      const scheme = random.pick(['http', 'HTTP', 'https', 'rtsp', 'a+b', 'x', '0']);
      parts.target = `${scheme}://127.0.0.1${random.pick(['', '/', parts.target, '?q', ':80/a'])}`;
    },
  ],
  [
    'authority-form',
    (parts, random) => {
      parts.method = random.pick(['CONNECT', 'CONNECT', 'GET', 'connect']);
      parts.target = random.pick(['127.0.0.1:80', 'localhost:443', '[::1]:80', 'localhost', ':80', '*']);
    },
  ],
  [
    'CONNECT to a path',
    (parts) => {
      parts.method = 'CONNECT';
    },
  ],
  [
    'a target without a slash',
    (parts, random) => {
      parts.target = random.pick([
        'key',
        'a:b',
        'index.html',
        '?q=1',
        '#f',
        '\\x',
        '.',
        'a/b',
        '*',
        'http:/a',
        'a:/b',
        '%2f',
      ]);
    },
  ],
  [
    'no target',
    (parts) => {
      parts.target = '';
    },
  ],
  [
    'an octet in the target',
    (parts, random) => {
      parts.target = insert(random, parts.target, random.pick([...BLANKS, '\x80', '\xff', '\x7f', '"', '{', '\x01']));
    },
  ],
  [
    'an octet in the method',
    (parts, random) => {
      parts.method = insert(random, parts.method, random.pick([...BLANKS, '\x80', '\xff', '"', '\x01', '-', '_']));
    },
  ],
  [
    'an octet in the version',
    (parts, random) => {
      parts.version = insert(random, parts.version, random.pick([...BLANKS, '\x80', '0', '.', '/', '\x01']));
    },
  ],
  ['no version', withoutVersion],
  [
    'no version, and a word',
    (parts, random) => {
      withoutVersion(parts, random);
      parts.target = random.pick(['key', 'user:1', '*', 'a/b']);
    },
  ],
  [
    'no version, and nothing behind the line',
    (parts, random) => {
      withoutVersion(parts, random);
      parts.fields = [];
      if (random.oneIn(2)) parts.behind = '';
      if (random.oneIn(2)) parts.target = 'key';
    },
  ],
  [
    'another version',
    (parts, random) => {
      parts.version = random.pick([
        ...['HTTP/1.0', 'HTTP/1.2', 'HTTP/1.9', 'HTTP/2.0', 'HTTP/2', 'HTTP/3', 'HTTP/0.9', 'HTTP/1', 'HTTP/', 'HTTP'],
        ...[
          'HTTP/01.1',
          'HTTP/1.10',
          'HTTP/1.1x',
          'HTTP/ 1.1',
          'HTTP /1.1',
          'HTTPS/1.1',
          'XTTP/1.1',
          '1.1',
          'HTTP\\1.1',
        ],
        ...[
          'RTSP/1.0',
          'RTSP/2.0',
          'ICE/1.0',
          'SIP/2.0',
          'ICY/1.0',
          'SHTTP/1.1',
          'xHTTP/1.1',
          'HTTP/+1.1',
          'HTTP/1.-1',
        ],
      ]);
    },
  ],
  [
    'RTSP or ICE',
    (parts, random) => {
      parts.method = random.pick(['DESCRIBE', 'SETUP', 'PLAY', 'OPTIONS', 'TEARDOWN', 'SOURCE', 'GET']);
      parts.version = random.pick(['RTSP/1.0', 'ICE/1.0', 'HTTP/1.1']);
      if (random.oneIn(2)) parts.target = 'rtsp://127.0.0.1/a';
    },
  ],
  [
    'more words',
    (parts, random) => {
      parts.after = random.pick([' HTTP/1.1', ' x', '  HTTP/1.0', ' HTTP/1.1 x', ';q', '\tHTTP/1.1']);
    },
  ],
  [
    'garbage first',
    (parts, random) => {
      const octets = Buffer.from(random.octets(1 + random.below(6))).toString('latin1');
      parts.before += random.pick([
        octets,
        '\0',
        '\xef\xbb\xbf',
        '\x80',
        '\xff',
        'x',
        '{}',
        '"',
        'PING\r\n',
        ': ',
        '#\n',
      ]);
    },
  ],
  [
    'first octets of TLS',
    (parts, random) => {
      parts.before += random.pick([
        '\x16',
        '\x16\x03',
        '\x16\x03\x01',
        '\x16\x03\x01\x00\x05',
        '\x80\x2e\x01',
        '\x15\x03\x03',
      ]);
    },
  ],
  [
    'a PROXY header first',
    (parts, random) => {
      parts.before += random.pick([
        'PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n',
        'PROXY UNKNOWN\r\n',
        '\r\n\r\n\0\r\nQUIT\n\x21\x11',
      ]);
    },
  ],
  ['HTTP/2', preface],
  [
    'HTTP/2 with a damaged preface',
    (parts, random, n) => {
      preface(parts, random, n);
      const damage: readonly (() => void)[] = [
        () => {
          parts.gap = blanks(random);
        },
        () => {
          parts.secondGap = blanks(random);
        },
        () => {
          parts.method = random.pick(['pri', 'Pri', 'PR', 'PRII', 'GET']);
        },
        () => {
          parts.version = random.pick(['HTTP/2', 'HTTP/2.1', 'http/2.0', 'HTTP/1.1']);
        },
        () => {
          parts.target = random.pick(['/', '**', '*/', '']);
        },
        () => {
          parts.lineEnd = '\n';
        },
        () => {
          parts.before = random.pick(['\r\n', '\n', ' ', '\0']);
        },
        () => {
          parts.fields = ['Host: 127.0.0.1', `l5d-client-id: ${FORGED}-${n}`];
        },
        () => {
          parts.behind = parts.behind.replace('SM', random.pick(['sm', 'SN', ' SM', '']));
        },
      ];
      random.pick(damage)();
    },
  ],
  [
    'an upgrade to h2c',
    (parts, random, n) => {
      const token = random.pick(['h2c', 'x, h2c', 'H2C', 'h2c, websocket', 'h2']);
      parts.fields = parts.fields.filter((field) => !field.startsWith('Connection'));
      parts.fields.push('Connection: Upgrade, HTTP2-Settings', `Upgrade: ${token}`, 'HTTP2-Settings: AAMAAABkAAQAAP__');
      parts.behind = `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${frames(n, 3)}`;
    },
  ],
  [
    'names in another case, or with a blank',
    (parts, random) => {
      const suffix = random.pick(['', ' ', '\t']);
      parts.fields = parts.fields.map((field) => field.replace(/^[^:]+/, (name) => otherCase(random, name) + suffix));
    },
  ],
  [
    'no Host',
    (parts) => {
      parts.fields = parts.fields.filter((field) => !field.startsWith('Host'));
    },
  ],
];

function withoutVersion(parts: Parts, random: Random): void {
  parts.version = '';
  parts.secondGap = random.pick(['', '', ' ', '  ', '\t', '\r']);
  parts.after = '';
}

/** Prior knowledge: the preface, SETTINGS and one request. */
function preface(parts: Parts, _random: Random, n: number): void {
  parts.method = 'PRI';
  parts.target = '*';
  parts.version = 'HTTP/2.0';
  parts.fields = [];
  parts.behind = `SM\r\n\r\n${frames(n, 1)}`;
}

/** SETTINGS and HEADERS of a request that ends with them (RFC 9113), with literal fields (RFC 7541 section 6.2.2). */
function frames(n: number, stream: number): string {
  const literal = (name: string, value: string) =>
    `\0${String.fromCharCode(name.length)}${name}${String.fromCharCode(value.length)}${value}`;
  const block =
    '\x82\x86' + // :method GET, :scheme http
    literal(':path', `/${n}/frames`) +
    literal(':authority', '127.0.0.1') +
    literal('l5d-client-id', `${FORGED}-${n}`) +
    literal('x-forwarded-client-cert', `${FORGED}-${n}`);
  const length = String.fromCharCode(block.length >> 8, block.length & 255);
  return `\0\0\0\x04\0\0\0\0\0\0${length}\x01\x05\0\0\0${String.fromCharCode(stream)}${block}`;
}
