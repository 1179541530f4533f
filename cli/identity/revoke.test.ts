import t from 'tap';

import { canonicalSerial } from '../../api/revocations.ts';
import { changed } from './revoke.ts';

const serials = (text: string, values: readonly string[], isUndo = false) =>
  changed(text, values, isUndo, canonicalSerial);

t.test('a line is added once, whatever its spelling, and what else is there stays', async (t) => {
  t.equal(serials('', ['AB']), 'AB\n');
  t.equal(serials('# of May\n0a:b # laptop\n', ['AB', 'CD']), '# of May\n0a:b # laptop\nCD\n');
});

t.test('a line is taken out, and no other', async (t) => {
  t.equal(serials('# of May\n00ab # laptop\nCD\n', ['AB'], true), '# of May\nCD\n');
  t.equal(serials('CD\n', ['AB'], true), 'CD\n');
});
