import t from 'tap';

import { normalTarget, otherReadings } from './path-readings.ts';

const NORMAL: Readonly<Record<string, string | null>> = {
  '/': '/',
  '/api/items': '/api/items',
  '/api/items?a=/../b%41': '/api/items?a=/../b%41',
  '/a/./b': '/a/b',
  '/a/../b': '/b',
  '/a/b/..': '/a/',
  '/a/b/.': '/a/b/',
  '/../../a': '/a',
  '/..': '/',
  '/a/...': '/a/...',
  '/.a/..b': '/.a/..b',
  '/%61dmin': '/admin',
  '/%7euser': '/~user',
  '/%2e%2e/admin': '/admin',
  '/x/%2E%2e/admin': '/admin',
  '/a%2Fb': '/a%2Fb',
  '/a%5cb': '/a%5cb',
  '/a\\..\\admin': '/admin',
  '/a%zz': '/a%zz',
  '/a%': '/a%',
  '//admin': '//admin',
  '/a//../b': '/a/b',
  '/a;x=1/b': '/a;x=1/b',
  '/a%00': null,
  '/a#b': null,
  '/a\0': null,
  '*': '*',
  '': '',
};

for (const [target, normal] of Object.entries(NORMAL))
  t.test(`the normal form of ${JSON.stringify(target)} is ${JSON.stringify(normal)}`, async (t) => {
    t.equal(normalTarget(target), normal);
    if (normal !== null) t.equal(normalTarget(normal), normal, 'of which it is its own');
  });

const OTHERS: Readonly<Record<string, readonly string[]>> = {
  '/api/items?a=b': [],
  '/api//items': ['/api/items'],
  '//admin?x': ['/admin?x', '/?x'],
  '//x/admin': ['/x/admin', '/admin'],
  '/a%2Fb': ['/a/b'],
  '/a/..%2fadmin': ['/a/../admin', '/admin'],
  '/a%5c..%5cadmin': ['/a/../admin', '/admin'],
  '/a//..%2Fadmin': ['/a//../admin', '/a/admin', '/admin', '/a/..%2Fadmin'],
  '/admin%2f..': ['/admin/..', '/'],
  '/admin;x': ['/admin'],
  '/a;x/..;y/admin': ['/admin'],
  '/a%2f%2fb': ['/a//b', '/a/b'],
  '/a%3F%2Fkey': ['/a%3F/key', '/a'],
  '/admin%23x': ['/admin#x', '/admin'],
  '/%C3%A9': ['/Ã©'],
  '*': [],
};

for (const [target, others] of Object.entries(OTHERS))
  t.test(`a lenient server may read ${target} as ${others.join(', ') || 'nothing else'}`, async (t) => {
    t.same(otherReadings(target), others);
  });
