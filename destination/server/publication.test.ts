import t from 'tap';

import { Publication, type Subscriber } from './publication.ts';

t.test('nothing is said before the first version', async (t) => {
  const publication = new Publication('api:80');
  t.equal(publication.target, 'api:80');
  t.equal(publication.version, '');
  t.equal(publication.step, null);
});

t.test('every subscriber is told of a version, whose line is encoded once and only when it is asked for', async (t) => {
  const publication = new Publication('api:80');
  const told: string[] = [];
  const subscriber = (name: string): Subscriber => ({
    onPublish: ({ version }) => told.push(`${name} ${version}`),
    onMoved() {},
  });
  publication.subscribers.add(subscriber('a')).add(subscriber('b'));
  let encoded = 0;
  publication.publish('1', () => `line ${++encoded}\n`, null);
  t.same(told, ['a 1', 'b 1']);
  t.equal(encoded, 0);
  t.equal(String(publication.line), 'line 1\n');
  t.equal(publication.line, publication.line, 'the same octets for all');
  publication.publish('2', () => `line ${++encoded}\n`, { from: '1', line: Buffer.from('step\n') });
  t.equal(String(publication.line), 'line 2\n');
  t.equal(publication.step?.from, '1');
  publication.publish('3', () => '', null);
  t.equal(publication.step, null, 'a step leads to its own version alone');
});
