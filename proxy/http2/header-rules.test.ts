import t from 'tap';

import { type HeaderFault, readRequest, readResponse, trailersFault } from './header-rules.ts';

const REQUEST = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'api'];
const without = (name: string) => {
  const at = REQUEST.indexOf(name);
  return [...REQUEST.slice(0, at), ...REQUEST.slice(at + 2)];
};
const saying = (name: string, value: string) => REQUEST.map((text, i) => (REQUEST[i - 1] === name ? value : text));

t.test('a request whose header list breaks a rule is refused, and the rule is named', async (t) => {
  for (const [fault, ...lists] of [
    ['pseudo_header_unknown', [':mathod', 'GET'], [...REQUEST, ...[]].with(0, ':status')],
    ['pseudo_header_repeated', [...REQUEST, ':path', '/']],
    ['pseudo_header_misplaced', [...REQUEST, 'a', 'b', ':protocol', 'x'], [...REQUEST, ':protocol', 'x']],
    ['pseudo_header_missing', [], without(':method'), without(':scheme'), without(':path'), saying(':method', 'G T')],
    ['pseudo_header_missing', [':method', 'CONNECT'], [...saying(':method', 'CONNECT')]],
    ['header_name_invalid', [...REQUEST, 'A', 'b'], [...REQUEST, 'a b', 'c'], [...REQUEST, '', 'c']],
    ['header_value_invalid', [...REQUEST, 'a', ' b'], [...REQUEST, 'a', 'b\r'], saying(':path', '/\0')],
    ['header_connection_specific', [...REQUEST, 'connection', 'close'], [...REQUEST, 'transfer-encoding', 'chunked']],
    ['te_invalid', [...REQUEST, 'te', 'gzip']],
    [
      'path_invalid',
      saying(':path', ''),
      saying(':path', 'a'),
      saying(':path', '*'),
      saying(':path', '/#'),
      saying(':path', '/ x'),
    ],
    ['scheme_invalid', saying(':scheme', '1'), saying(':scheme', 'a b')],
    ['authority_invalid', saying(':authority', 'a b'), saying(':authority', 'a@b'), [...REQUEST, 'host', 'other']],
    ['trailer_invalid', [...REQUEST, 'trailer', 'x, Content-Length']],
  ] as readonly [HeaderFault, ...string[][]][])
    for (const list of lists) t.equal(readRequest(list, false), fault, JSON.stringify(list));
});

t.test('an answer whose header list breaks a rule is refused', async (t) => {
  for (const [fault, ...lists] of [
    ['pseudo_header_missing', [], ['a', 'b'], [':path', '/']],
    ['status_invalid', [':status', '99'], [':status', '600'], [':status', 'ok'], [':status', '101']],
    ['pseudo_header_misplaced', [':status', '200', ':status', '200']],
    ['header_connection_specific', [':status', '200', 'keep-alive', '1']],
  ] as readonly [HeaderFault, ...string[][]][])
    for (const list of lists) t.equal(readResponse(list, false, false), fault, JSON.stringify(list));
});

t.test('trailers have no pseudo-headers, and names in lower case unless our own peer sends them', async (t) => {
  t.equal(trailersFault([':status', '200'], false), 'pseudo_header_misplaced');
  t.equal(trailersFault(['X-A', 'b'], false), 'header_name_invalid');
  t.equal(trailersFault(['X-A', 'b'], true), null);
});

t.test('what is well-formed is read', async (t) => {
  t.match(readRequest([...REQUEST, 'te', 'trailers', 'host', 'API'], false), {
    method: 'GET',
    authority: 'api',
    fields: ['te', 'trailers'],
  });
  t.match(readRequest(saying(':path', '*').with(1, 'OPTIONS'), false), { method: 'OPTIONS', path: '*' });
  t.match(readRequest([':method', 'CONNECT', ':authority', 'a:80'], false), { method: 'CONNECT', authority: 'a:80' });
  t.match(readRequest([...saying(':method', 'CONNECT'), ':protocol', 'websocket'], false), {
    method: 'GET',
    protocol: 'websocket',
  });
  t.match(readResponse([':status', '204', 'a', 'b'], false, false), { status: 204, fields: ['a', 'b'] });
});
