import t from 'tap';

import {
  headerValue,
  hostOf,
  isNamed,
  lowerCase,
  octetsOf,
  pathOf,
  pathTextOf,
  queryValue,
  textOf,
} from './request-parts.ts';

t.test('a path ends before its query', async (t) => {
  for (const [target, path] of [
    ['/a?b?c', '/a'],
    ['/a', '/a'],
    ['?b', ''],
    ['', ''],
  ] as const)
    for (let again = 0; again < 2; again++) t.equal(pathOf(target), path, target);
});

t.test('a path is read as UTF-8, after one of another target too', async (t) => {
  t.equal(pathTextOf('/\xc3\xa9?x'), '/é');
  t.equal(pathTextOf('/\xc3\xa9?x'), '/é');
  t.equal(pathTextOf('/\xc3\xa8'), '/è');
  t.equal(pathOf('/a'), '/a');
  t.equal(pathTextOf('/a'), '/a');
});

t.test('a host is what stands before the port, in lower case', async (t) => {
  for (const [authority, host] of [
    ['Api:80', 'api'],
    ['API', 'api'],
    [':80', ''],
    ['[::1]:80', '[::1]'],
    ['[FD::1]', '[fd::1]'],
    ['', ''],
  ] as const)
    for (let again = 0; again < 2; again++) t.equal(hostOf(authority), host, authority);
});

t.test('the lines of a header are joined, of a cookie by semicolons; values are no names', async (t) => {
  const fields = ['A', '1', 'b', 'a', 'a', '2', 'cookie', 'x', 'Cookie', 'y', 'c', ''];
  t.equal(headerValue(fields, 'a'), '1, 2');
  t.equal(headerValue(fields, 'cookie'), 'x; y');
  t.equal(headerValue(fields, 'c'), '');
  t.equal(headerValue(fields, 'x'), null);
  t.equal(headerValue(['b', 'a'], 'a'), null);
});

t.test('a name is the same whatever the case of its ASCII letters', async (t) => {
  for (const [field, name, isSame] of [
    ['x-az', 'x-az', true],
    ['X-AZ', 'x-az', true],
    ['x-az', 'x-ay', false],
    ['x-a', 'x-az', false],
    ['[', '{', false],
    ['@', '`', false],
    ['É', 'é', false],
    ['A', 'a', true],
    ['Z', 'z', true],
  ] as const)
    t.equal(isNamed(field, name), isSame, `${field} ${name}`);
});

t.test('a parameter is found by its decoded name, and its value is decoded', async (t) => {
  for (const [target, name, value] of [
    ['/?a=1&b=2', 'b', '2'],
    ['/?a=1&a=2', 'a', '1'],
    ['/?ab=1&a=2', 'a', '2'],
    ['/?a=1&ab=2', 'ab', '2'],
    ['/?a', 'a', ''],
    ['/?a&b=1', 'a', ''],
    ['/?a==b', 'a', '=b'],
    ['/?=x&a=1', 'a', '1'],
    ['/?&&a=1', 'a', '1'],
    ['/?=x', '', 'x'],
    ['/?&', '', null],
    ['/?a=1', 'b', null],
    ['/a=1', 'a', null],
    ['/?', '', null],
    ['/?%61=%41%4a%4A%30%39', 'a', 'AJJ09'],
    ['/?%6A%6a=1', 'jj', '1'],
    ['/?a+b=c+d', 'a b', 'c d'],
    ['/?%2b=1', '+', '1'],
    ['/?%6=1', '%6', '1'],
    ['/?%6', '%6', ''],
    ['/?a%6', 'a%6', ''],
    ['/?%=1', '%', '1'],
    ['/?%6g=1', '%6g', '1'],
    ['/?%g6=1', '%g6', '1'],
    ['/?%61=1', '%61', null],
    ['/?%2F%3a%60%47=%2f%3A%60%47', '/:`G', '/:`G'],
    ['/?a=%', 'a', '%'],
    ['/?a=%4', 'a', '%4'],
    ['/?a=%zz', 'a', '%zz'],
    ['/?a%62c=1', 'ab', null],
    ['/?a', 'ab', null],
    ['/?%66%46=1', 'fF', '1'],
    ['/?%67%47=1', 'gG', '1'],
    ['/?%`1=1', '%`1', '1'],
    ['/?%@1=1', '%@1', '1'],
    ['/?%/1=1', '%/1', '1'],
    ['/?%:1=1', '%:1', '1'],
  ] as const)
    t.equal(queryValue(target, name), value, `${target} ${name}`);
});

t.test('only ASCII letters have a lower case', async (t) => {
  t.equal(lowerCase('aZ@[`{É\xc9'), 'az@[`{É\xc9');
  t.equal(lowerCase('abc'), 'abc');
});

t.test('a text is its octets in UTF-8, and the other way round', async (t) => {
  for (const text of ['', 'a\x7f', '\x80', 'é€\u{1f600}', '\ufeffa']) {
    t.equal(octetsOf(text), Buffer.from(text).toString('latin1'));
    t.equal(textOf(octetsOf(text)), text);
  }
  t.equal(textOf('a\xffb'), 'a\ufffdb');
});
