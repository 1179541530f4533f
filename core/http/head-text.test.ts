import t, { type Test } from 'tap';

import {
  authorityFault,
  fieldValueFault,
  headerNameFault,
  hostFault,
  pathAndQueryFault,
  pathFault,
  pathPartFault,
  removalFault,
  tokenFault,
} from './head-text.ts';

/** Asks that texts are taken, and that others are complained of. */
function asks(faultOf: (text: string) => string | null, taken: readonly string[], refused: readonly string[]) {
  return async (t: Test) => {
    for (const text of taken) t.equal(faultOf(text), null, JSON.stringify(text));
    for (const text of refused) t.type(faultOf(text), 'string', JSON.stringify(text));
  };
}

const CONTROLS = ['a\nb', 'a\r', '\0', '\x1f', '\x7f', 'a\r\nx: y'];

t.test(
  'a value of a header is one line of any text',
  asks(fieldValueFault, ['', 'a b', 'a\tb', 'ü', '日本', '😀', '"<>#%'], [...CONTROLS, '\ud83d', 'a\udc00']),
);
t.test('a fault of a value says how to write it', async (t) => {
  t.match(fieldValueFault('a\n'), 'has a line end');
  t.match(fieldValueFault('a\0'), 'has a control character');
});
t.test(
  'a header that delimits messages or connections cannot be changed, nor one that has no name',
  asks(
    headerNameFault,
    ['x-a', 'X_A', 'host', 'a'.repeat(256)],
    [
      '',
      'x a',
      'x:',
      ':path',
      'ü',
      'a'.repeat(257),
      'Content-Length',
      'transfer-encoding',
      'Connection',
      'upgrade',
      'TE',
      'trailer',
      'keep-alive',
      ...CONTROLS,
    ],
  ),
);
t.test('Host cannot be removed', asks(removalFault, ['x-a'], ['host', 'Host', 'content-length', 'a b']));
t.test('a word of a list is a token', asks(tokenFault, ['GET', 'x-a', '*'], ['', 'a b', 'a,b', 'ü', ...CONTROLS]));
t.test(
  'an authority is a host with or without a port',
  asks(
    authorityFault,
    ['a', 'a.example.com', 'a:1', 'a:65535', '10.0.0.1:80', '[::1]', '[fd00::1]:80', 'a_b', '%61'],
    ['', 'a b', 'a:0', 'a:65536', 'a:', 'a:b', 'a/b', 'a@b', 'ü', '::1', '[::1', 'a'.repeat(256), ...CONTROLS],
  ),
);
t.test('a host has no port', asks(hostFault, ['a', '[::1]'], ['', 'a:80', '[::1]:80', 'a b']));
t.test(
  'a path begins with a slash and has neither blanks nor a query',
  asks(
    pathFault,
    ['/', '/a/b', '/a%20b', '/~a;b=c', '/{id}'],
    ['', 'a', '*', '/a b', '/a?b', '/a#b', '/ü', '/\\', ...CONTROLS],
  ),
);
t.test('a place may have a query', asks(pathAndQueryFault, ['/a?b=c'], ['/a?b?c', '?a', '/a?b#c', '/a?b c']));
t.test('a part of a path need not begin with a slash', asks(pathPartFault, ['', 'a', 'a/b'], ['a b', 'a?', 'ü']));
t.test('what cannot stand is named', async (t) => {
  t.match(pathFault('/a b'), 'has " ", which no path has');
  t.match(hostFault('a\nb'), '"a\\nb" is no host');
  t.ok(hostFault(' '.repeat(10_000))!.length < 200);
});
