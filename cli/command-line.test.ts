import t from 'tap';

import { UsageError } from './command.ts';
import { readArguments } from './command-line.ts';
import { COMMANDS } from './command-list.ts';
import { nearest } from './nearest.ts';

t.test('reads options and words', async (t) => {
  const read = readArguments('run', ['--quiet', 'shop'], { quiet: { type: 'boolean' } }, ['FOLDER']);
  t.match(read, { values: { quiet: true }, positionals: ['shop'] });
});

t.test('names the word that is missing, and the one that is too many', async (t) => {
  t.throws(() => readArguments('why', ['GET'], {}, ['METHOD', 'URL']), { message: 'weft why wants URL' });
  t.throws(() => readArguments('check', ['it'], {}), { message: 'weft check does not expect "it"' });
});

t.test('names the option that may have been meant', async (t) => {
  const options = { replicas: { type: 'string' }, image: { type: 'string' } } as const;
  t.throws(() => readArguments('install', ['--replica', '2'], options), {
    message: 'weft install has no option --replica',
    hint: 'did you mean --replicas? weft install --help explains it',
  });
  t.throws(() => readArguments('install', ['--zone', '2'], options), {
    message: 'weft install has no option --zone',
    hint: 'weft install --help explains it',
  });
});

for (const command of COMMANDS) {
  t.test(
    `weft ${command.name} refuses an option that it does not have, and words that it does not expect`,
    async (t) => {
      await t.rejects(command.run(['--no-such-option']), UsageError);
      await t.rejects(command.run(['a', 'b', 'c']), UsageError);
    },
  );

  if (command.help.includes('-o '))
    t.test(`weft ${command.name} refuses a format that it does not print`, async (t) => {
      // As many words as some command wants, so that the format is what is wrong.
      const words =
        { why: ['GET', 'http://api.default/'], authz: ['deploy/api'], audit: ['mtls'], identity: ['web-0'] }[
          command.name
        ] ?? [];
      for (const format of ['yml', 'JSON', '', 'wide'])
        await t.rejects(command.run([...words, '-o', format]), { name: 'UsageError', message: /^-o / }, format);
    });
}

t.test('finds the nearest word', async (t) => {
  const words = COMMANDS.map(({ name }) => name);
  for (const [written, meant] of [
    ['instal', 'install'],
    ['isntall', 'install'],
    ['anal', 'analyze'],
    ['runn', 'run'],
    ['wyh', 'why'],
    ['upgrade', ''],
    ['', ''],
  ] as const)
    t.equal(nearest(written, words), meant, written);
});
