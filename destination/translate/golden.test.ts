import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse, stringify } from 'yaml';

import { GOLDEN_FOLDER, goldenFiles, readGolden, translateGolden } from '../testing/golden.ts';

/**
 * Each `golden/<name>.yaml` is a small cluster, and `<name>.golden.yaml` what becomes of it.
 * `WEFT_UPDATE_GOLDEN=1` writes the latter anew.
 *
 * Who asks is a client of namespace `client` without labels, or each document of kind `Client`.
 */
for (const file of goldenFiles()) {
  t.test(`${file} is translated as before`, async (t) => {
    const { reports: _, ...result } = translateGolden(readGolden(file));
    const golden = join(GOLDEN_FOLDER, file.replace('.yaml', '.golden.yaml'));
    if (process.env.WEFT_UPDATE_GOLDEN) writeFileSync(golden, stringify(result, { aliasDuplicateObjects: false }));
    t.same(JSON.parse(JSON.stringify(result)), parse(readFileSync(golden, 'utf8')));
  });
}
