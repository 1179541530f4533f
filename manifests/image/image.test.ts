import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

import { IMAGE_DIRECTORY, IMAGE_NODE } from '../../api/image.ts';
import { PROXY_UID } from '../../api/names.ts';
import {
  ARCHITECTURES,
  DEBIAN_PACKAGES,
  IMAGE_ENTRYPOINT,
  IMAGE_ENVIRONMENT,
  IMAGE_LABELS,
  IMAGE_MODULES,
  IMAGE_TEXTS,
  IMAGE_USER,
} from './contents.ts';
import { layerBytes, OciArchive } from './oci-archive.ts';
import { readSharedObject } from './shared-object.ts';

const here = dirname(fileURLToPath(import.meta.url));

t.test('the Dockerfile makes what is built without one', async (t) => {
  const text = readFileSync(join(here, 'Dockerfile'), 'utf8').replaceAll('\\\n', ' ');
  const stage = text.slice(text.lastIndexOf('\nFROM ')).trim().split('\n');
  const values = (word: string) =>
    stage.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  t.same(values('USER'), [IMAGE_USER]);
  t.same(JSON.parse(values('ENTRYPOINT')[0]!), IMAGE_ENTRYPOINT);
  t.same(values('ENV'), [IMAGE_ENVIRONMENT.join(' ')]);
  t.same(values('LABEL'), [
    Object.entries(IMAGE_LABELS)
      .map(([name, value]) => `${name}="${value}"`)
      .join(' '),
  ]);
  const copied = values('COPY').map((line) => line.split(' ').at(-1));
  t.same(copied, [IMAGE_NODE, `${IMAGE_DIRECTORY}/`, `${IMAGE_MODULES}/koffi`, `${IMAGE_MODULES}/@koromix`]);
  const commands = values('RUN').join('\n');
  t.match(commands, `install --yes --no-install-recommends ${DEBIAN_PACKAGES.join(' ')} `);
  t.match(commands, `--uid ${PROXY_UID} `);
  t.match(commands, `echo '${IMAGE_TEXTS[`${IMAGE_DIRECTORY}/package.json`]}' >${IMAGE_DIRECTORY}/package.json`);
});

t.test('reads of a program what it runs on and needs', async (t) => {
  const own = ARCHITECTURES.find(({ node }) => node === process.arch);
  const node = readSharedObject(process.execPath);
  t.equal(node?.machine, own?.machine);
  t.ok(node?.needed.includes('libc.so.6'), String(node?.needed));
  t.ok(existsSync(node?.interpreter ?? ''), 'its loader is there');
  t.equal(readSharedObject(fileURLToPath(import.meta.url)), null, 'a text is no program');
});

t.test('an archive has one name and an image for each architecture', async (t) => {
  const work = mkdtempSync(join(tmpdir(), 'weft-archive-'));
  t.teardown(() => rmSync(work, { recursive: true, force: true }));
  const rootfs = join(work, 'rootfs');
  mkdirSync(rootfs);
  writeFileSync(join(rootfs, 'file'), 'text');
  const [first, second] = ARCHITECTURES as [(typeof ARCHITECTURES)[0], (typeof ARCHITECTURES)[0]];
  const archive = new OciArchive(join(work, 'layout'));
  const bytes = archive.add(rootfs, first);
  archive.write(join(work, 'one.tar'), 'localhost/a/b:1');
  writeFileSync(join(rootfs, 'second'), 'more text');
  const more = archive.add(rootfs, second);
  archive.write(join(work, 'two.tar'), 'localhost/a/b:1');

  t.equal(layerBytes(join(work, 'one.tar'), first.name), bytes);
  t.equal(layerBytes(join(work, 'two.tar'), first.name), bytes);
  t.equal(layerBytes(join(work, 'two.tar'), second.name), more);
  const unpacked = join(work, 'unpacked');
  mkdirSync(unpacked);
  execFileSync('tar', ['-C', unpacked, '-xf', join(work, 'two.tar')]);
  const json = (path: string) => JSON.parse(readFileSync(join(unpacked, path), 'utf8'));
  const blob = ({ digest }: { digest: string }) => json(`blobs/${digest.replace(':', '/')}`);
  const index = json('index.json');
  t.equal(index.manifests.length, 1);
  t.equal(index.manifests[0].annotations['io.containerd.image.name'], 'localhost/a/b:1');
  for (const entry of blob(index.manifests[0]).manifests) {
    const { architecture, config } = blob(blob(entry).config);
    t.equal(architecture, entry.platform.architecture);
    t.match(config, { User: IMAGE_USER, Entrypoint: IMAGE_ENTRYPOINT, Env: IMAGE_ENVIRONMENT });
  }
});
