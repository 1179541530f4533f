import t from 'tap';

import { forwardedClientCert } from './forwarded-client.ts';

const BY = 'spiffe://cluster.local/ns/default/sa/api';

t.test('names the proxy that says it, the client’s certificate and the client', async (t) => {
  const client = { spiffe: 'spiffe://cluster.local/ns/default/sa/frontend', certificateHash: 'ab'.repeat(32) };
  t.equal(
    forwardedClientCert(BY, client),
    `By=${BY};Hash=${'ab'.repeat(32)};URI=spiffe://cluster.local/ns/default/sa/frontend`,
  );
});

t.test('a client without a SPIFFE name has none there', async (t) => {
  t.equal(forwardedClientCert(BY, { spiffe: '', certificateHash: '00' }), `By=${BY};Hash=00`);
});

t.test('a name cannot end its element, nor begin another', async (t) => {
  const uri = (spiffe: string) => forwardedClientCert(BY, { spiffe, certificateHash: '00' }).split(';URI=')[1];
  t.equal(uri('spiffe://a,b'), '"spiffe://a,b"');
  t.equal(
    forwardedClientCert(BY, { spiffe: 'x;URI=admin', certificateHash: '00' }),
    `By=${BY};Hash=00;URI="x;URI=admin"`,
  );
  t.equal(uri('a=b'), '"a=b"');
  t.equal(uri('a"b'), '"a\\"b"');
  t.equal(uri('a\\";b'), '"a\\\\\\";b"');
});
