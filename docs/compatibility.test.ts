import t from 'tap';

import { compatibilityRows, EXPLAINED, knownFields } from './compatibility.ts';

const explained = new Set(EXPLAINED.map(({ kind, field }) => `${kind} ${field}`));

t.test('no field of routes and policies is lost: it has an effect, or whoever wrote it is told', async (t) => {
  const lost = compatibilityRows().filter(
    ({ state, kind, field }) => state === 'lost' && !explained.has(`${kind} ${field}`),
  );
  t.same(lost, []);
});

t.test('every field that a reader knows stands in a golden manifest', async (t) => {
  const shown = new Set(compatibilityRows().map(({ kind, field }) => `${kind} ${field}`));
  t.same(
    [...knownFields()].filter((field) => !shown.has(field) && !explained.has(field)),
    [],
  );
});
