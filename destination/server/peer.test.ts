import { X509Certificate } from 'node:crypto';
import t from 'tap';

import { DEFAULT_IDENTITY_DOMAIN } from '../../api/workload-identity.ts';
import { TestAuthority } from '../testing/control-plane.ts';
import { workloadOf } from './peer.ts';

const authority = new TestAuthority();

t.test('reads a workload from its certificate', async (t) => {
  const { chain } = authority.certify({ namespace: 'default', serviceAccount: 'api', pod: 'api-1', uid: 'u' });
  t.same(workloadOf(new X509Certificate(chain), DEFAULT_IDENTITY_DOMAIN), {
    namespace: 'default',
    serviceAccount: 'api',
    pod: 'api-1',
    uid: 'u',
  });
});

t.test('refuses the certificate of an authority', async (t) => {
  t.equal(
    workloadOf(new X509Certificate(authority.bundle), DEFAULT_IDENTITY_DOMAIN),
    'the certificate is that of an authority',
  );
});
