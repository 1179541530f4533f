import t from 'tap';

import { Probation } from './probation.ts';

t.test('lasts ten seconds from the last offence', async (t) => {
  const probation = new Probation();
  t.equal(probation.has('10.0.0.1', 0), false);
  probation.begin('10.0.0.1', 0);
  t.equal(probation.has('10.0.0.1', 9999), true);
  t.equal(probation.has('10.0.0.2', 9999), false);
  probation.begin('10.0.0.1', 9999);
  t.equal(probation.has('10.0.0.1', 10_001), true);
  t.equal(probation.has('10.0.0.1', 19_999), false);
});

t.test('forgets the oldest address when there are too many', async (t) => {
  const probation = new Probation();
  for (let i = 0; i <= 1024; i++) probation.begin(`10.0.${i >> 8}.${i & 255}`, i);
  t.equal(probation.has('10.0.0.0', 1025), false);
  t.equal(probation.has('10.0.0.1', 1025), true);
  t.equal(probation.has('10.0.4.0', 1025), true);
});
