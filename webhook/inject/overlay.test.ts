import t from 'tap';

import { overlay } from './overlay.ts';

t.test('what is wanted replaces, what is not stays', async (t) => {
  t.same(overlay({ a: 1, b: { c: 2, d: 3 } }, { b: { c: 4 }, e: 5 }), { a: 1, b: { c: 4, d: 3 }, e: 5 });
  t.equal(overlay({ a: 1 }, 'x'), 'x');
  t.same(overlay('x', { a: 1 }), { a: 1 });
  t.same(overlay(null, { a: null }), { a: null });
  t.same(overlay([1], { a: 1 }), { a: 1 }, 'a list is no object');
});

t.test('nothing that is given is changed', async (t) => {
  const existing = { a: { b: 1 }, list: [{ name: 'x', c: 1 }] };
  const before = structuredClone(existing);
  overlay(existing, { a: { b: 2 }, list: [{ name: 'x', c: 2 }, { name: 'y' }] });
  t.same(existing, before);
});

t.test('lists whose entries have names are matched by them, and keep their order', async (t) => {
  t.same(
    overlay(
      [
        { name: 'a', x: 1 },
        { name: 'b', x: 1 },
      ],
      [
        { name: 'c', x: 2 },
        { name: 'b', y: 2 },
      ],
    ),
    [
      { name: 'a', x: 1 },
      { name: 'b', x: 1, y: 2 },
      { name: 'c', x: 2 },
    ],
  );
});

t.test('lists of mounts are matched by their paths', async (t) => {
  t.same(
    overlay(
      [
        { name: 'v', mountPath: '/a' },
        { mountPath: '/b', subPath: 'x' },
      ],
      [{ mountPath: '/b', readOnly: true }, { mountPath: '/c' }],
    ),
    [{ name: 'v', mountPath: '/a' }, { mountPath: '/b', subPath: 'x', readOnly: true }, { mountPath: '/c' }],
  );
});

t.test('other lists of objects are matched by position where they are as long, else replaced', async (t) => {
  t.same(overlay([{ a: 1 }, { a: 2 }], [{ b: 1 }, { b: 2 }]), [
    { a: 1, b: 1 },
    { a: 2, b: 2 },
  ]);
  t.same(overlay([{ a: 1 }], [{ b: 1 }, { b: 2 }]), [{ b: 1 }, { b: 2 }]);
  t.same(overlay([{ a: 1 }, { a: 2 }], [{ name: 'x' }, { b: 2 }]), [
    { a: 1, name: 'x' },
    { a: 2, b: 2 },
  ]);
});

t.test('lists of texts are replaced, and so is what was no list', async (t) => {
  t.same(overlay(['a', 'b'], ['c']), ['c']);
  t.same(overlay([{ name: 'a' }], ['c']), ['c']);
  t.same(overlay(['a'], [{ name: 'c' }]), [{ name: 'c' }]);
  t.same(overlay(undefined, [{ name: 'c' }]), [{ name: 'c' }]);
  t.same(overlay({ name: 'a' }, [{ name: 'c' }]), [{ name: 'c' }]);
});
