import t from 'tap';

import { ApiError } from './api-error.ts';
import { apiPath } from './api-path.ts';

t.test('a path has its values as segments', async (t) => {
  t.equal(apiPath`/version`, '/version');
  t.equal(apiPath`/api/v1/namespaces/${'shop'}`, '/api/v1/namespaces/shop');
  t.equal(
    apiPath`/api/v1/namespaces/${'shop'}/pods/${'web.1'}?dryRun=All`,
    '/api/v1/namespaces/shop/pods/web.1?dryRun=All',
  );
});

t.test('a value stays one segment, whatever it says', async (t) => {
  for (const name of ['x?watch=1', 'x#y', 'x y', 'x\r\nHost: y', 'ü', 'system:node'])
    t.match(apiPath`/a/${name}/b`, /^\/a\/[\w%.-]+\/b$/, name);
});

t.test('what can be no name is refused, as the API server refuses it', async (t) => {
  for (const name of ['', '.', '..', '../..', 'a/b', '..%2F..', '%2e%2e'])
    t.throws(
      () => apiPath`/api/v1/namespaces/${name}/pods`,
      new ApiError(400, 'BadRequest', `"${name}" is no name of an object`),
    );
});
