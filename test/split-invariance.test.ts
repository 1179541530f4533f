import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Random } from '../core/testing/random.ts';
import { pieceEnds } from './fuzz/target.ts';
import { TARGETS } from './fuzz/targets.ts';

const folder = join(fileURLToPath(import.meta.url), '../fuzz/seeds');

for (const [name, target] of Object.entries(TARGETS)) {
  const seeds = readdirSync(join(folder, name)).map((file) => [file, readFileSync(join(folder, name, file))] as const);

  t.test(`${name} hears the same at once, in pieces and octet by octet`, async (t) => {
    t.ok(seeds.length > 0, 'there are transcripts');
    for (const [file, octets] of seeds) {
      const whole = target.run(octets, [octets.length]);
      const single = Array.from(octets, (_, i) => i + 1);
      t.equal(target.run(octets, single), whole, `${file} octet by octet`);
      for (let seed = 0; seed < 10; seed++)
        if (target.run(octets, pieceEnds(new Random(seed), octets.length)) !== whole) t.fail(`${file}, pieces ${seed}`);
    }
  });

  t.test(`${name} takes every truncation without an exception`, async (t) => {
    for (const [file, octets] of seeds)
      for (let length = 0; length < octets.length; length++) {
        const cut = octets.subarray(0, length);
        const half = length >> 1;
        if (target.run(cut, [length]) !== target.run(cut, [half, length])) t.fail(`${file} cut to ${length}`);
      }
    t.pass();
  });
}
