import t from 'tap';

import { DynamicTable } from './dynamic-table.ts';

/** What a table holds, newest first. */
function entriesOf(table: DynamicTable): string[] {
  return Array.from({ length: table.length }, (_, i) => `${table.name(i)}: ${table.value(i)}`);
}

t.test('a new table holds nothing', async (t) => {
  const table = new DynamicTable(100);
  t.same([table.length, table.size, table.maxSize, table.next, table.holds(0)], [0, 0, 100, 0, false]);
});

t.test('an entry costs its name, its value and 32 octets', async (t) => {
  const table = new DynamicTable(4096);
  table.add('custom-key', 'custom-header');
  t.equal(table.size, 55, 'RFC 7541 C.2.1');
  table.add('', '');
  t.equal(table.size, 87);
});

t.test('the newest entry comes first', async (t) => {
  const table = new DynamicTable(4096);
  for (const [i, name] of ['a', 'b', 'c'].entries()) table.add(name, `${i}`);
  t.same(entriesOf(table), ['c: 2', 'b: 1', 'a: 0']);
});

t.test('an entry that fits exactly evicts nothing', async (t) => {
  const table = new DynamicTable(68);
  table.add('a', '1');
  table.add('b', '2');
  t.same(entriesOf(table), ['b: 2', 'a: 1']);
  t.equal(table.size, 68);
});

t.test('an entry that does not fit evicts the oldest, and no more than it needs', async (t) => {
  const table = new DynamicTable(34 * 3);
  for (const name of ['a', 'b', 'c']) table.add(name, '1');
  table.add('d', '1');
  t.same(entriesOf(table), ['d: 1', 'c: 1', 'b: 1']);
  table.add('e', '12');
  t.same(entriesOf(table), ['e: 12', 'd: 1'], 'one octet more takes two');
  t.equal(table.size, 69);
});

t.test('an entry as large as the table is alone in it', async (t) => {
  const table = new DynamicTable(40);
  table.add('a', '1');
  table.add('name', 'text');
  t.same(entriesOf(table), ['name: text']);
});

t.test('an entry larger than the table empties it and is not kept', async (t) => {
  const table = new DynamicTable(40);
  table.add('a', '1');
  table.add('name', 'texts');
  t.same([table.length, table.size], [0, 0]);
  table.add('b', '2');
  t.same(entriesOf(table), ['b: 2'], 'and it is used on');
});

t.test('a smaller maximum evicts what no longer fits, a larger one brings nothing back', async (t) => {
  const table = new DynamicTable(4096);
  for (const name of ['a', 'b', 'c']) table.add(name, '1');
  table.resize(68);
  t.same([entriesOf(table), table.size, table.maxSize], [['c: 1', 'b: 1'], 68, 68]);
  table.resize(67);
  t.same(entriesOf(table), ['c: 1']);
  table.resize(0);
  t.same([table.length, table.size], [0, 0]);
  table.resize(4096);
  t.same([table.length, table.maxSize], [0, 4096]);
});

t.test('entries are counted from the first that was ever added, kept or not', async (t) => {
  const table = new DynamicTable(68);
  table.add('a', '1');
  t.same([table.next, table.holds(0), table.holds(1)], [1, true, false]);
  table.add('b', '2');
  table.add('c', '3');
  t.same(
    [0, 1, 2, 3].map((absolute) => table.holds(absolute)),
    [false, true, true, false],
  );
  table.add('x'.repeat(68), '');
  t.same([table.next, table.holds(2), table.holds(3)], [4, false, false]);
  table.add('d', '4');
  t.same([table.next, table.holds(4)], [5, true]);
});

t.test('the version grows with every change', async (t) => {
  const table = new DynamicTable(68);
  const versions = [table.version];
  for (const change of [() => table.add('a', '1'), () => table.add('x'.repeat(99), ''), () => table.resize(10)]) {
    change();
    versions.push(table.version);
  }
  t.same(
    versions.map((version) => version - versions[0]!),
    [0, 1, 2, 3],
  );
});
