import t from 'tap';

import { RequestsUnderWay, type UnderWay } from './requests-under-way.ts';

function requests(count: number) {
  const all = new RequestsUnderWay();
  const told: number[] = [];
  const made = Array.from({ length: count }, (_, at): UnderWay => {
    const request: UnderWay = { previous: null, next: null, endIfRefused: () => void told.push(at) };
    all.add(request);
    return request;
  });
  const hears = () => {
    all.endIfRefused();
    return told.splice(0).sort();
  };
  return { all, made, hears };
}

t.test('those that are under way are told, and no others', async (t) => {
  for (const gone of [[], [0], [1], [2], [0, 1], [1, 2], [2, 0], [0, 1, 2]]) {
    const { all, made, hears } = requests(3);
    for (const at of gone) all.remove(made[at]!);
    t.same(
      hears(),
      [0, 1, 2].filter((at) => !gone.includes(at)),
      `${gone}`,
    );
  }
});

t.test('one that ends by being told does not keep the others from it', async (t) => {
  const { all, made, hears } = requests(3);
  made[1]!.endIfRefused = () => all.remove(made[1]!);
  t.same(hears(), [0, 2]);
  t.same(hears(), [0, 2]);
});
