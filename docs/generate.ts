/** Writes the generated parts of docs/reference: `make docs`. */
import { writeFileSync } from 'node:fs';

import { referencePages } from './reference-pages.ts';

for (const { file, text, fresh } of referencePages()) {
  if (fresh === text) continue;
  writeFileSync(file, fresh);
  process.stdout.write(`wrote ${file}\n`);
}
