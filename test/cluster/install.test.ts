import t from 'tap';

import { IMAGE, weft } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { apply, kubectl } from '../support/kubectl.ts';

t.test('the control plane is installed by what weft install prints', async (t) => {
  const args = ['install', '--image', IMAGE, '--issuance-lifetime', '20s'];
  const [first, second, crds] = await Promise.all([weft(...args), weft(...args), weft('install', '--crds=all')]);
  t.equal(first.out, second.out, 'the same every time');
  t.notMatch(first.out, 'PRIVATE KEY');
  await apply(crds.out);
  await apply(first.out);
  for (const name of ['weft-identity', 'weft-destination', 'weft-webhook'])
    await kubectl('-n', 'weft', 'rollout', 'status', `deployment/${name}`, '--timeout=120s');
  t.ok(await eventually(async () => (await weft('check')).code === 0), (await weft('check')).out);
});
