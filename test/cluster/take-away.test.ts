import t from 'tap';

import { NAMESPACE, weft } from '../support/cluster.ts';
import { kubectl, run } from '../support/kubectl.ts';

t.test('everything can be taken away', async (t) => {
  await kubectl('delete', 'namespace', NAMESPACE, '--wait=true', '--timeout=120s');
  // Other tests may have left pods elsewhere.
  const { out, error } = await weft('uninstall', '--force');
  t.match(out, 'kind: Namespace', error);
  const deletion = await run('kubectl', ['delete', '-f', '-', '--wait=true', '--timeout=120s'], out);
  t.equal(deletion.code, 0, deletion.error);
});
