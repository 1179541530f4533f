import t from 'tap';

import { visibility } from './visibility.ts';

t.test(
  'an object that is for a client’s namespace alone comes before one for some, and that before one for all',
  async (t) => {
    const of = (exportTo: string[], client: string) => visibility({ exportTo, namespace: 'home' }, client);
    t.equal(of(['.'], 'home'), 0);
    t.equal(of(['home'], 'home'), 0);
    t.equal(of(['.', 'shop'], 'home'), 1);
    t.equal(of(['.', 'shop'], 'shop'), 1);
    t.equal(of(['shop'], 'shop'), 1, 'alone, and not its own');
    t.equal(of(['*'], 'home'), 2);
    t.equal(of(['*'], 'shop'), 2);
  },
);

t.test('an object that is not for a client’s namespace is not seen', async (t) => {
  t.equal(visibility({ exportTo: ['.'], namespace: 'home' }, 'shop'), null);
  t.equal(visibility({ exportTo: ['shop'], namespace: 'home' }, 'home'), null);
  t.equal(visibility({ exportTo: [], namespace: 'home' }, 'home'), null);
});
