import t from 'tap';

import { STATIC_TABLE } from './static-table.ts';

t.test('the static table is that of RFC 7541 appendix A', async (t) => {
  const lines = `
    :authority
    :method=GET :method=POST
    :path=/ :path=/index.html
    :scheme=http :scheme=https
    :status=200 :status=204 :status=206 :status=304 :status=400 :status=404 :status=500
    accept-charset accept-encoding=gzip,_deflate accept-language accept-ranges accept access-control-allow-origin
    age allow authorization cache-control content-disposition content-encoding content-language content-length
    content-location content-range content-type cookie date etag expect expires from host if-match
    if-modified-since if-none-match if-range if-unmodified-since last-modified link location max-forwards
    proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie
    strict-transport-security transfer-encoding user-agent vary via www-authenticate`;
  const expected = lines.trim().split(/\s+/);
  t.equal(expected.length, 61);
  t.same(
    STATIC_TABLE.slice(1),
    expected.map((text) => [text.split('=')[0], text.split('=')[1]?.replace('_', ' ') ?? '']),
  );
});
