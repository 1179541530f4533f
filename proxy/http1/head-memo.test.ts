import t from 'tap';

import { HeadMemo } from './head-memo.ts';

/** Finds and keeps texts that lie between other octets. */
function memoOf() {
  const memo = new HeadMemo<string>();
  const around = (text: string) => Buffer.from(`#${text}#`);
  return {
    find: (text: string) => memo.find(around(text), 1, 1 + text.length),
    keep: (text: string, value: string) => memo.keep(around(text), 1, 1 + text.length, value),
  };
}

t.test('finds what a head was parsed to by all of its octets', async (t) => {
  const memo = memoOf();
  t.equal(memo.find('head'), null);
  memo.keep('head', 'a');
  t.equal(memo.find('head'), 'a');
  for (const other of ['heaD', 'hea', 'heads', 'Head', '']) t.equal(memo.find(other), null, other);
});

t.test('looks at octets that do not choose the place too', async (t) => {
  const memo = memoOf();
  const long = `GET /${'x'.repeat(200)}`;
  memo.keep(long, 'a');
  for (let at = 0; at < long.length; at++)
    if (memo.find(`${long.slice(0, at)}-${long.slice(at + 1)}`) !== null) t.fail(`octet ${at}`);
  t.equal(memo.find(long), 'a');
});

t.test('keeps a copy of the octets', async (t) => {
  const memo = new HeadMemo<string>();
  const octets = Buffer.from('head');
  memo.keep(octets, 0, 4, 'a');
  octets.fill('x');
  t.equal(memo.find(Buffer.from('head'), 0, 4), 'a');
  t.equal(memo.find(octets, 0, 4), null);
});

t.test('a head takes the place of another, be it shorter or longer', async (t) => {
  const memo = memoOf();
  const texts = Array.from({ length: 2000 }, (_, i) => `GET /${i} ${'x'.repeat(i % 90)}`);
  for (const text of texts) memo.keep(text, text);
  const found = texts.filter((text) => memo.find(text) !== null);
  t.equal(found.length, 64, 'there are 64 places');
  for (const text of found) if (memo.find(text) !== text) t.fail(text);
  t.ok(
    found.every((text) => texts.indexOf(text) > 1000),
    'the latest are kept',
  );
});

t.test('a trace at the end of a long head, and a longer path, choose another place', async (t) => {
  for (const variant of [
    (i: number) => `GET /${i} HTTP/1.1`,
    (i: number) =>
      `GET / HTTP/1.1${' '.repeat(60)}${String(i % 10).repeat(9)}${String(Math.floor(i / 10)).repeat(9)}${' '.repeat(30)}`,
    (i: number) => 'x'.repeat(i + 1),
  ]) {
    const memo = memoOf();
    const texts = Array.from({ length: 100 }, (_, i) => variant(i));
    for (const text of texts) memo.keep(text, text);
    const found = texts.filter((text) => memo.find(text) !== null).length;
    t.ok(found > 30, `${found} of ${texts[1]}`);
  }
});

t.test('keeps heads of 1,024 octets and none that is longer', async (t) => {
  const memo = memoOf();
  const longest = 'x'.repeat(1024);
  memo.keep(longest, 'a');
  t.equal(memo.find(longest), 'a');
  t.equal(memo.find(`${longest.slice(1)}y`), null);
  memo.keep(`${longest}x`, 'b');
  t.equal(memo.find(`${longest}x`), null);
});
