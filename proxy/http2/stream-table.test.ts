import t from 'tap';

import type { Stream } from './stream.ts';
import { StreamTable } from './stream-table.ts';

const stream = (id: number) => ({ id }) as Stream;

t.test('finds a stream by its identifier', async (t) => {
  const table = new StreamTable();
  const one = stream(1);
  table.add(one);
  t.equal(table.get(1), one);
  t.equal(table.get(3), null);
  t.equal(table.size, 1);
});
t.test('forgets what is taken out, and only that', async (t) => {
  const table = new StreamTable();
  const [one, three] = [stream(1), stream(3)];
  table.add(one);
  table.add(three);
  table.remove(one);
  table.remove(one);
  t.equal(table.get(1), null);
  t.equal(table.get(3), three);
  t.equal(table.size, 1);
});
t.test('agrees with a map while streams come and go, some of them staying long', async (t) => {
  const table = new StreamTable();
  const map = new Map<number, Stream>();
  let seed = 7;
  const random = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return seed / 2 ** 32;
  };
  for (let id = 1; id < 60_000; id += 2) {
    const each = stream(id);
    table.add(each);
    map.set(id, each);
    while (map.size > 200 || (map.size > 0 && random() < 0.49)) {
      const keys = [...map.keys()];
      // The newest mostly; what is old stays until it is one of too many.
      const key = map.size > 200 ? keys[Math.floor(random() * keys.length)]! : keys.at(-1 - Math.floor(random() * 3))!;
      if (key === undefined) break;
      table.remove(map.get(key)!);
      map.delete(key);
    }
    if (id % 1001 === 0) {
      t.equal(table.size, map.size);
      t.same(
        table
          .all()
          .map((each) => each.id)
          .sort((a, b) => a - b),
        [...map.keys()],
      );
      for (const [key, value] of map) if (table.get(key) !== value) t.fail(`stream ${key} is lost`);
    }
  }
});
