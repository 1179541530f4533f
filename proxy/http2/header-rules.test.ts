import t from 'tap';
import {
  contentLength,
  type HeaderFault,
  readRequest,
  readResponse,
  requestFields,
  responseFields,
  trailersFault,
} from './header-rules.ts';
import type { RequestHead } from './message.ts';

const REQUEST = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'api'];
const without = (name: string) => {
  const at = REQUEST.indexOf(name);
  return [...REQUEST.slice(0, at), ...REQUEST.slice(at + 2)];
};
const saying = (name: string, value: string) => REQUEST.map((text, i) => (REQUEST[i - 1] === name ? value : text));
const CONNECT = [':method', 'CONNECT', ':authority', 'a:80'];
const UPGRADE = [...saying(':method', 'CONNECT'), ':protocol', 'websocket'];

const CONNECTION_SPECIFIC = ['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade'];

t.test('a request whose header list breaks a rule is refused, and the rule is named', async (t) => {
  for (const [fault, ...lists] of [
    ['pseudo_header_unknown', [':mathod', 'GET'], REQUEST.with(0, ':status'), [...REQUEST, ':', 'x']],
    ['pseudo_header_repeated', ...[0, 2, 4, 6].map((at) => [...REQUEST, ...REQUEST.slice(at, at + 2)])],
    ['pseudo_header_repeated', [...UPGRADE, ':protocol', 'websocket']],
    ['pseudo_header_misplaced', [...REQUEST, 'a', 'b', ':protocol', 'x'], [...REQUEST, ':protocol', 'x']],
    ['pseudo_header_misplaced', UPGRADE.with(9, '')],
    ['pseudo_header_missing', [], without(':method'), without(':scheme'), without(':path'), saying(':method', 'G T')],
    ['pseudo_header_missing', saying(':method', ''), saying(':scheme', '')],
    ['pseudo_header_missing', [':method', 'CONNECT'], saying(':method', 'CONNECT'), CONNECT.with(3, '')],
    ['pseudo_header_missing', [...CONNECT, ':path', '/'], [...CONNECT, ':scheme', 'http']],
    ['header_name_invalid', [...REQUEST, 'A', 'b'], [...REQUEST, 'a b', 'c'], [...REQUEST, '', 'c']],
    ['header_name_invalid', ...[...'"(),/:;<=>?@[]{}\\ \t\0\x7f\x80\xff'].map((char) => [...REQUEST, `a${char}`, 'c'])],
    ['header_value_invalid', ...[' b', 'b ', '\tb', 'b\t', ' ', 'b\r', '\nb'].map((value) => [...REQUEST, 'a', value])],
    ['header_value_invalid', ...[0, 8, 10, 31, 127].map((code) => [...REQUEST, 'a', `b${String.fromCharCode(code)}c`])],
    ['header_value_invalid', saying(':path', '/\0'), saying(':authority', ' a'), saying(':method', 'GET ')],
    ['header_connection_specific', ...CONNECTION_SPECIFIC.map((name) => [...REQUEST, name, 'x'])],
    ['te_invalid', [...REQUEST, 'te', 'gzip'], [...REQUEST, 'te', 'trailers, gzip'], [...REQUEST, 'te', '']],
    ['path_invalid', ...['', 'a', '*', '/#', '/ x', '/\x80 x', '?a'].map((path) => saying(':path', path))],
    ['scheme_invalid', saying(':scheme', '1'), saying(':scheme', 'a b'), saying(':scheme', 'http:')],
    [
      'authority_invalid',
      ...['a b', 'a@b', 'a/b', 'a?b', 'a#b', 'a,b', 'a:1:2', 'a:x', 'a:123456'].map((text) =>
        saying(':authority', text),
      ),
    ],
    ['authority_invalid', ...['[::1', '::1', '[::1]x', '[]'].map((text) => saying(':authority', text))],
    ['authority_invalid', [...REQUEST, 'host', 'api:81'], [...REQUEST, 'host', 'api:443']],
    ['authority_invalid', [...REQUEST, 'host', 'other'], [...REQUEST, 'host', 'api', 'host', 'other']],
    [
      'trailer_invalid',
      ...['content-length', 'x, Transfer-Encoding', 'trailer,x', 'x\tcontent-length'].map((value) => [
        ...REQUEST,
        'trailer',
        value,
      ]),
    ],
  ] as readonly [HeaderFault, ...string[][]][])
    for (const list of lists) t.equal(readRequest(list, false), fault, JSON.stringify(list));
});

t.test('a request that breaks none is read', async (t) => {
  const head = { method: 'GET', scheme: 'http', authority: 'api', path: '/', protocol: '', fields: [] as string[] };
  for (const [list, expected] of [
    [REQUEST, head],
    [[...REQUEST.slice(6), ...REQUEST.slice(0, 6)], head],
    [without(':authority'), { ...head, authority: '' }],
    [saying(':path', '/a?b=c!~'), { ...head, path: '/a?b=c!~' }],
    [saying(':path', '*').with(1, 'OPTIONS'), { ...head, method: 'OPTIONS', path: '*' }],
    [saying(':scheme', 'h1+.-'), { ...head, scheme: 'h1+.-' }],
    [[...REQUEST, 'te', 'Trailers'], { ...head, fields: ['te', 'Trailers'] }],
    [[...REQUEST, 'trailer', 'x-content-length'], { ...head, fields: ['trailer', 'x-content-length'] }],
    [[...REQUEST, "!#$%&'*+-.^_`|~09az", 'a\tb\x80\xff '.trim()], undefined],
    [[...REQUEST, 'a', ''], { ...head, fields: ['a', ''] }],
    [[...REQUEST, 'connections', 'x', 'upgrades', 'y'], { ...head, fields: ['connections', 'x', 'upgrades', 'y'] }],
    [CONNECT, { ...head, method: 'CONNECT', scheme: '', authority: 'a:80', path: '' }],
    [UPGRADE, { ...head, protocol: 'websocket' }],
  ] as const) {
    const read = readRequest(list, false) as RequestHead;
    if (expected === undefined) t.type(read, 'object');
    else t.same(read, expected);
  }
  for (const authority of [
    'a',
    'A-b.c_d~',
    'a:',
    'a:80',
    'a:65535',
    '1.2.3.4:5',
    '[::1]',
    '[fe80::1%25eth0]:80',
    "a!$&'()*+;=%",
  ])
    t.equal((readRequest(saying(':authority', authority), false) as RequestHead).authority, authority);
});

t.test('Host is the authority where there is none, and goes where it says the same', async (t) => {
  const read = (...list: string[]) => readRequest(list, false) as RequestHead;
  t.match(read(...without(':authority'), 'a', '1', 'host', 'web', 'b', '2'), {
    authority: 'web',
    fields: ['a', '1', 'b', '2'],
  });
  t.same(read(...REQUEST, 'a', '1', 'host', 'API', 'b', '2', 'host', 'api').fields, ['a', '1', 'b', '2']);
  t.same(read(...REQUEST, 'most', 'x').fields, ['most', 'x'], 'of four letters too');
  t.equal(readRequest([...without(':authority'), 'host', 'a b'], false), 'authority_invalid');
});

t.test('upper case in names is a fault, but between our own proxies, where it changes no rule', async (t) => {
  t.equal(readRequest([...REQUEST, 'X-Az', 'b'], false), 'header_name_invalid');
  t.same((readRequest([...REQUEST, 'X-Az', 'b'], true) as RequestHead).fields, ['X-Az', 'b']);
  t.same((readRequest([...REQUEST, 'Host', 'API'], true) as RequestHead).fields, []);
  for (const name of CONNECTION_SPECIFIC)
    t.equal(readRequest([...REQUEST, name.toUpperCase(), 'x'], true), 'header_connection_specific', name);
  t.equal(readRequest([...REQUEST, 'TE', 'gzip'], true), 'te_invalid');
  t.equal(readRequest([...REQUEST, 'Trailer', 'content-length'], true), 'trailer_invalid');
});

t.test('an answer whose header list breaks a rule is refused', async (t) => {
  for (const [fault, ...lists] of [
    ['pseudo_header_missing', [], ['a', 'b'], [':path', '/'], ['a', 'b', ':status', '200']],
    [
      'status_invalid',
      ...['99', '099', 'ok', '101', '2000', '20', '-200', '', '200 '].map((text) => [':status', text]),
    ],
    ['pseudo_header_misplaced', [':status', '200', ':status', '200'], [':status', '200', 'a', 'b', ':path', '/']],
    ['header_connection_specific', [':status', '200', 'keep-alive', '1']],
    ['header_name_invalid', [':status', '200', 'A', '1']],
  ] as readonly [HeaderFault, ...string[][]][])
    for (const list of lists) t.equal(readResponse(list, false, false), fault, JSON.stringify(list));
});

t.test('an answer is a status and fields', async (t) => {
  for (const status of [100, 199, 200, 204, 599])
    t.same(readResponse([':status', `${status}`, 'a', 'b'], false, false), { status, fields: ['a', 'b'] });
  t.same(readResponse([':status', '200', 'A', 'b'], true, false), { status: 200, fields: ['A', 'b'] });
});

t.test('2xx to an upgrade accepts it, but where its application did not ask for one', async (t) => {
  for (const [status, read] of [
    [200, 101],
    [299, 101],
    [199, 199],
    [300, 300],
    [403, 403],
  ] as const)
    t.same(readResponse([':status', `${status}`, 'a', 'b'], false, true), { status: read, fields: ['a', 'b'] });
  const ignored = [':status', '200', 'a', 'b', 'weft-upgrade-ignored', '1', 'c', 'd'];
  t.same(readResponse(ignored, false, true), { status: 200, fields: ['a', 'b', 'c', 'd'] });
});

t.test('an answer to an upgrade is written so that it is read as it was meant', async (t) => {
  for (const status of [101, 200, 204, 299, 300, 403]) {
    const head = { status, fields: ['a', 'b'] };
    t.same(readResponse(responseFields(head, true), false, true), head, `${status}`);
  }
  t.same(responseFields({ status: 101, fields: [] }, true), [':status', '200']);
  t.same(responseFields({ status: 200, fields: ['a', 'b'] }, true), [
    ':status',
    '200',
    'a',
    'b',
    'weft-upgrade-ignored',
    '1',
  ]);
  t.same(responseFields({ status: 200, fields: ['a', 'b'] }, false), [':status', '200', 'a', 'b']);
  t.same(responseFields({ status: 101, fields: [] }, false), [':status', '101']);
});

t.test('a request is written with its pseudo-headers first, those that it has', async (t) => {
  const head = { method: 'GET', scheme: 'http', authority: 'api', path: '/', protocol: '', fields: ['a', 'b'] };
  t.same(requestFields(head), [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'api', 'a', 'b']);
  t.same(requestFields({ ...head, authority: '', fields: [] }), [':method', 'GET', ':scheme', 'http', ':path', '/']);
  t.same(requestFields({ ...head, method: 'CONNECT', path: '', scheme: '', fields: [] }), [
    ...[':method', 'CONNECT', ':authority', 'api'],
  ]);
  t.same(requestFields({ ...head, protocol: 'websocket', fields: [] }), [
    ...[':method', 'CONNECT', ':scheme', 'http', ':path', '/', ':authority', 'api', ':protocol', 'websocket'],
  ]);
});

t.test('trailers follow the rules of fields, and have no pseudo-headers', async (t) => {
  t.equal(trailersFault(['grpc-status', '0', 'a', ''], false), null);
  t.equal(trailersFault([':status', '200'], false), 'pseudo_header_misplaced');
  t.equal(trailersFault(['a', 'b', ':status', '200'], false), 'pseudo_header_misplaced');
  t.equal(trailersFault(['X-A', 'b'], false), 'header_name_invalid');
  t.equal(trailersFault(['X-A', 'b'], true), null);
  t.equal(trailersFault(['a', 'b\n'], false), 'header_value_invalid');
  t.equal(trailersFault(['connection', 'close'], false), 'header_connection_specific');
});

t.test('content-length is one number, or nothing', async (t) => {
  const length = (...values: string[]) => contentLength(values.flatMap((value) => ['a', '9', 'content-length', value]));
  t.equal(length(), -1);
  t.equal(contentLength(['content-lengths', '1', 'content_length', '1']), -1);
  t.equal(contentLength(['Content-Length', '5']), 5);
  t.equal(length('0'), 0);
  t.equal(length('999999999999999'), 999_999_999_999_999);
  for (const value of ['', 'x', '-1', '+1', '1.0', '0x1', ' 1', '1 ', '1,1', '1000000000000000'])
    t.equal(length(value), -2, value);
  t.equal(length('5', '5'), -2, 'even equal ones');
  t.equal(length('0', '0'), -2);
});
