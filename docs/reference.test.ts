import { basename } from 'node:path';
import t from 'tap';

import { referencePages } from './reference-pages.ts';

t.test('the reference says what the constants say; `make docs` writes it', async (t) => {
  for (const { file, text, fresh } of referencePages()) t.equal(text, fresh, basename(file));
});
