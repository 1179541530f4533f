import t from 'tap';

import { IMAGE, NAMESPACE, weft } from '../support/cluster.ts';
import { kubectl, run } from '../support/kubectl.ts';

t.test('everything can be taken away', async (t) => {
  await kubectl('delete', 'namespace', NAMESPACE, '--wait=true', '--timeout=120s');
  const { out } = await weft('install', '--image', IMAGE);
  const { code, error } = await run(
    'kubectl',
    ['delete', '--ignore-not-found', '-f', '-', '--wait=true', '--timeout=120s'],
    out,
  );
  t.equal(code, 0, error);
});
