import t from 'tap';

import { MESH_HEADERS, MESH_LABELS, MESH_PORTS, MESH_PROTOCOLS } from './mesh-words.ts';
import * as names from './names.ts';
import * as headers from './proxy-headers.ts';

t.test('every header that proxies exchange, or an application says to its own, is a word of the mesh', async (t) => {
  const said = Object.entries(headers).flatMap(([name, value]) => {
    if (name.endsWith('_OVERRIDE_HEADERS')) return Object.values(value as object);
    return name.endsWith('_HEADER') && !name.startsWith('ALPN_') ? [value] : [];
  });
  t.same(MESH_HEADERS.map(({ name }) => name).sort(), said.sort());
});

t.test('every protocol of the mesh is in the table, best first', async (t) => {
  t.same(
    MESH_PROTOCOLS.map(({ word }) => word),
    [
      headers.ALPN_WEFT_HTTP,
      headers.ALPN_WEFT_OPAQUE,
      headers.ALPN_WEFT_OPAQUE_UNCONFIRMED,
      headers.ALPN_TRANSPORT_HEADER,
    ],
  );
});

t.test('a header is removed from somebody, and no word is there twice', async (t) => {
  for (const { name, removedFrom } of MESH_HEADERS) {
    t.ok(removedFrom.length > 0, name);
    t.equal(name, name.toLowerCase());
  }
  const words = [
    ...MESH_HEADERS.map(({ name }) => name),
    ...[...MESH_PROTOCOLS, ...MESH_PORTS, ...MESH_LABELS].map(({ word }) => word),
  ];
  t.equal(new Set(words).size, words.length);
});

t.test('the labels that the mesh writes are of its group', async (t) => {
  for (const { word } of MESH_LABELS) t.ok(word.startsWith(`${names.API_GROUP}/`), word);
});
