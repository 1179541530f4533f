import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';

import { NO_REVOCATIONS } from '../../api/revocations.ts';
import type { InboundConfig } from '../../api/routing.ts';
import type { Log } from '../log.ts';
import { KeptWords, type Words } from './kept-words.ts';

const words = (name: string): Words => {
  const inbound: InboundConfig = { defaultPolicy: { mode: 'deny', origin: name }, ports: [], clusterNetworks: [] };
  return { inbound, revocations: { ...NO_REVOCATIONS, serials: ['AB'] } };
};

function keptIn(t: Test, file = join(t.testdir(), 'words')) {
  const warnings: string[] = [];
  const log = { warn: (_fields: object, text: string) => void warnings.push(text) } as unknown as Log;
  return { file, warnings, kept: new KeptWords(file, log) };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}

t.test('what was kept is read by the next container', async (t) => {
  const { file, kept } = keptIn(t);
  t.equal(await kept.read(), null, 'the first of the pod');
  kept.keep(words('one'));
  await until(async () => existsSync(file));
  t.same(await keptIn(t, file).kept.read(), words('one'));
});

t.test('of many words the last is kept', async (t) => {
  const { file, kept } = keptIn(t);
  for (let i = 0; i <= 100; i++) kept.keep(words(String(i)));
  await until(async () => (await keptIn(t, file).kept.read())?.inbound.defaultPolicy.origin === '100');
  t.pass('the last');
});

t.test('what cannot be written is not kept, nor is what was before it', async (t) => {
  const { file, kept, warnings } = keptIn(t);
  kept.keep(words('one'));
  await until(async () => existsSync(file));
  mkdirSync(`${file}.new`);
  kept.keep(words('two'));
  await until(async () => !existsSync(file));
  t.match(warnings, [/cannot be kept/]);
});

t.test('what is broken, or of another form, counts as nothing', async (t) => {
  const { file, kept, warnings } = keptIn(t);
  writeFileSync(file, 'half');
  t.equal(await kept.read(), null);
  t.match(warnings, [/cannot be read/]);
});

t.test('without a file nothing is kept', async (t) => {
  const { kept, warnings } = keptIn(t, '');
  kept.keep(words('one'));
  t.equal(await kept.read(), null);
  t.same(warnings, []);
});
