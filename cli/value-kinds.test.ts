import t from 'tap';

import { Fault } from '../core/config/environment.ts';
import { DOMAIN, IMAGE, LABEL } from './value-kinds.ts';

const long = 'a'.repeat(64);

for (const { kind, good, bad } of [
  {
    kind: LABEL,
    good: ['default', 'my-shop', 'a', '0', 'a'.repeat(63)],
    bad: ['', 'My-Shop', '-shop', 'shop-', 'my shop', 'a.b', long, 'a\n'],
  },
  {
    kind: DOMAIN,
    good: ['cluster.local', 'local', 'a-b.c1.example'],
    bad: [
      '',
      'a b',
      'Cluster.local',
      '.local',
      'local.',
      'a..b',
      '-a.b',
      `${long}.local`,
      'a_b',
      'a.b\n',
      `${'a.'.repeat(127)}a`,
    ],
  },
  {
    kind: IMAGE,
    good: [
      'weft',
      'localhost/weft/weft:0.1.0',
      'registry.example.com:5000/team/weft:v1.2_3',
      'ghcr.io/a/b__c/d-e.f',
      `weft@sha256:${'0'.repeat(64)}`,
      `weft:1@sha256:${'0'.repeat(64)}`,
      '[fd00::1]:5000/weft:1',
    ],
    bad: [
      '',
      'a b',
      'Weft',
      'weft:',
      ':1',
      'weft:1:2',
      'weft@sha256:1',
      'http://weft',
      'weft/',
      '/weft',
      'weft\n',
      `weft:${'1'.repeat(129)}`,
    ],
  },
]) {
  t.test(`takes every good ${kind.name}`, async (t) => {
    for (const text of good) t.equal(kind.parse(text), text);
  });

  t.test(`says of a bad ${kind.name} what would be right`, async (t) => {
    for (const text of bad) {
      const fault = kind.parse(text);
      t.ok(fault instanceof Fault, JSON.stringify(text));
      t.match((fault as Fault).sentence, `is not a valid ${kind.name}: use `);
    }
  });
}
