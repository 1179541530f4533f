import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { stringify } from 'yaml';
import { systemClock } from '../../core/time/clock.ts';
import { formatReport, Reports } from '../objects/reports.ts';
import { pod, service } from '../testing/manifests.ts';
import { FolderSource } from './folder.ts';

t.test('reads every document of every file, in folders below it too', async (t) => {
  const { write, names, source } = await open(t, (at) => {
    mkdirSync(at('below/it'), { recursive: true });
    writeFileSync(at('one.yaml'), many(pod('a', '10.0.0.1'), pod('b', '10.0.0.2')));
    writeFileSync(at('below/it/two.yml'), many(pod('c', '10.0.0.3')));
    writeFileSync(
      at('three.json'),
      JSON.stringify({ apiVersion: 'v1', kind: 'PodList', items: [pod('d', '10.0.0.4')] }),
    );
    writeFileSync(at('.hidden.yaml'), many(pod('x', '10.0.0.5')));
    writeFileSync(at('notes.txt'), 'not: [yaml');
    writeFileSync(
      at('config.yaml'),
      many(
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'z' } },
        { apiVersion: 'batch/v1', kind: 'Job', metadata: {} },
      ),
    );
  });
  t.same(names(), ['a', 'b', 'c', 'd']);
  write('below/it/two.yml', many(pod('c', '10.0.0.3'), pod('e', '10.0.0.6')));
  await until(t, names, ['a', 'b', 'c', 'd', 'e'], 'an edit below is live');
  mkdirSync(join(source.folder, 'fresh'));
  write('fresh/four.yaml', many(pod('f', '10.0.0.7')));
  await until(t, names, ['a', 'b', 'c', 'd', 'e', 'f'], 'so is a new folder');
});

t.test('says which files it has read, once what they say is in force', async (t) => {
  const read: string[][] = [];
  const { write, at } = await open(
    t,
    (at) => writeFileSync(at('one.yaml'), many(pod('a', '10.0.0.1'))),
    ['.'],
    (files, names) => read.push([...files.map((file) => file.replace(/^.*\//, '')), ...names]),
  );
  await until(t, () => read, [['one.yaml', 'a']], 'all at the start');
  write('one.yaml', many(pod('a', '10.0.0.1'), pod('b', '10.0.0.2')));
  await until(t, () => read.slice(1), [['one.yaml', 'a', 'b']]);
  write('one.yaml', 'kind: [');
  await until(t, () => read.slice(2), [['one.yaml', 'a', 'b']], 'what is broken too, when it is certain');
  unlinkSync(at('one.yaml'));
  await until(t, () => read.slice(3), [['one.yaml']], 'what has gone too');
});

t.test('objects go with their document and with their file', async (t) => {
  const { write, names, at } = await open(t, (at) => {
    writeFileSync(at('one.yaml'), many(pod('a', '10.0.0.1'), pod('b', '10.0.0.2')));
    writeFileSync(at('two.yaml'), many(pod('c', '10.0.0.3')));
  });
  write('one.yaml', many(pod('a', '10.0.0.1')));
  await until(t, names, ['a', 'c']);
  unlinkSync(at('two.yaml'));
  await until(t, names, ['a']);
});

t.test('an edit is live at once, a removal when the file has lain still', async (t) => {
  const { write, names, at } = await open(t, (at) => writeFileSync(at('one.yaml'), many(pod('a', '10.0.0.1'))));
  const started = performance.now();
  write('one.yaml', many(pod('a', '10.0.0.1'), pod('b', '10.0.0.2')));
  await until(t, names, ['a', 'b']);
  t.comment(`live after ${Math.round(performance.now() - started)} ms`);
  renameSync(at('one.yaml'), at('one.yaml~'));
  await pause(100);
  t.same(names(), ['a', 'b'], 'an editor moves a file away before it writes it anew');
  write('one.yaml', many(pod('a', '10.0.0.1'), pod('c', '10.0.0.2')));
  await until(t, names, ['a', 'c']);
});

t.test('a file that another is renamed over is live every time', async (t) => {
  const { write, at, source } = await open(t, (at) => writeFileSync(at('one.yaml'), many(pod('a', '10.0.0.1'))));
  for (const ip of ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5']) {
    const started = performance.now();
    write('one.tmp', many(pod('a', ip)));
    renameSync(at('one.tmp'), at('one.yaml'));
    await until(t, () => [...source.objects.list('Pod')].map(({ ips }) => ips), [[ip]]);
    t.comment(`live after ${Math.round(performance.now() - started)} ms; the next look is every 2 s`);
  }
});

t.test('half a file drops none of its objects, wherever it breaks off', async (t) => {
  const whole = many(pod('a', '10.0.0.1'), pod('b', '10.0.0.2'), service('c', '10.96.0.1'));
  const { write, names, source } = await open(t, (at) => writeFileSync(at('one.yaml'), whole));
  let lost = 0;
  source.objects.onChange((changes) => {
    lost += changes.filter(({ after }) => after === null).length;
  });
  const step = Math.ceil(whole.length / 12);
  for (let end = 0; end < whole.length; end += step) {
    write('one.yaml', whole.slice(0, end));
    await pause(60);
  }
  write('one.yaml', whole);
  await pause(700);
  t.equal(lost, 0);
  t.same(names(), ['a', 'b']);
});

t.test('a broken document is reported with its line and keeps what it held; the others are live', async (t) => {
  const { write, names, reports, source } = await open(t, (at) => {
    writeFileSync(at('one.yaml'), many(pod('a', '10.0.0.1'), pod('b', '10.0.0.2')));
    writeFileSync(at('two.yaml'), many(pod('c', '10.0.0.3')));
  });
  const broken = `${many(pod('a', '10.0.0.9'))}---\nkind: Pod\nmetadata: {\n---\n`;
  write('one.yaml', broken);
  await until(t, () => reports.current().length, 1);
  t.match(formatReport(reports.current()[0]!), /one\.yaml:\d+: is not YAML/);
  t.same(names(), ['a', 'b', 'c']);
  t.same([...source.objects.list('Pod')].find(({ name }) => name === 'a')?.ips, ['10.0.0.9']);
  write('one.yaml', many(pod('a', '10.0.0.9')));
  await until(t, names, ['a', 'c'], 'mended, it says that b is gone');
  t.same(reports.current(), []);
});

t.test('text that is no object is reported where it stands', async (t) => {
  const { reports } = await open(t, (at) => {
    writeFileSync(at('a.yaml'), '\n\n- just\n- a list\n');
    writeFileSync(at('b.yaml'), 'apiVersion: v1\nkind: Pod\n');
    writeFileSync(
      at('c.yaml'),
      `a: &a [x]\n${Array.from({ length: 30 }, (_, at) => `b${at}: &b${at} [${'*a, '.repeat(20)}]`).join('\n')}\n`,
    );
    writeFileSync(at('d.yaml'), `${'['.repeat(20_000)}\n`);
    writeFileSync(at('e.yaml'), Buffer.from([0xff, 0xfe, 0x00, 0x01]));
    writeFileSync(at('f.yaml'), many(pod('Bad Name', '10.0.0.1')));
    writeFileSync(at('good.yaml'), many(pod('a', '10.0.0.1')));
  });
  const places = reports.current().map((report) => formatReport(report).replace(/^.*\/(?=\w+\.yaml)/, ''));
  for (const file of ['a', 'b', 'c', 'd', 'e', 'f'])
    t.ok(
      places.some((place) => place.startsWith(`${file}.yaml:`)),
      `${file}: ${places}`,
    );
  t.ok(
    places.some((place) => place.startsWith('a.yaml:3: ')),
    'the line of the document',
  );
});

t.test('of an object that stands twice with different contents the first is used and the other reported', async (t) => {
  const { source, reports } = await open(t, (at) => {
    writeFileSync(at('a.yaml'), many(pod('a', '10.0.0.1')));
    writeFileSync(at('b.yaml'), many(pod('a', '10.0.0.2')));
  });
  t.same(
    [...source.objects.list('Pod')].map(({ ips }) => ips),
    [['10.0.0.1']],
  );
  t.match(reports.current().map(formatReport), [/b\.yaml:1: Pod\/default\/a: stands at .*a\.yaml:1 too/]);
});

t.test('a later folder is laid over an earlier one', async (t) => {
  const { source, at, write } = await open(
    t,
    (at) => {
      mkdirSync(at('run'));
      mkdirSync(at('user'));
      writeFileSync(
        at('user/api.yaml'),
        many({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'api' }, spec: { ports: [{ port: 80 }] } }),
      );
      writeFileSync(
        at('run/api.yaml'),
        many({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'api' }, spec: { clusterIP: '10.96.0.1' } }),
      );
    },
    ['user', 'run'],
  );
  const [api] = [...source.objects.list('Service')];
  t.match(api, { namespace: 'default', clusterIPs: ['10.96.0.1'], ports: [{ port: 80 }] });
  write(
    'user/api.yaml',
    many({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'api' }, spec: { ports: [{ port: 81 }] } }),
  );
  await until(
    t,
    () => [...source.objects.list('Service')].map(({ ports, clusterIPs }) => [ports[0]?.port, clusterIPs[0]]),
    [[81, '10.96.0.1']],
  );
  unlinkSync(at('run/api.yaml'));
  await until(t, () => [...source.objects.list('Service')].map(({ clusterIPs }) => clusterIPs), [[]]);
});

t.test('a folder that goes away keeps what it held, and says so', async (t) => {
  const { names, reports, source, at, write } = await open(t, (at) =>
    writeFileSync(at('a.yaml'), many(pod('a', '10.0.0.1'))),
  );
  renameSync(source.folder, `${source.folder}-away`);
  t.teardown(() => rmSync(`${source.folder}-away`, { recursive: true, force: true }));
  await until(t, () => reports.current().length, 1);
  t.match(reports.current().map(formatReport), [/cannot be listed/]);
  t.same(names(), ['a']);
  mkdirSync(source.folder);
  write('b.yaml', many(pod('a', '10.0.0.1'), pod('b', '10.0.0.2')));
  await until(t, names, ['a', 'b']);
  t.ok(at('b.yaml'));
});

t.test('files of a mounted ConfigMap, which are links, are read', async (t) => {
  const { names } = await open(t, (at) => {
    mkdirSync(at('..data'));
    writeFileSync(at('..data/a.yaml'), many(pod('a', '10.0.0.1')));
    symlinkSync('..data/a.yaml', at('a.yaml'));
  });
  t.same(names(), ['a']);
});

t.test('a folder that is not there from the start is an error', async (t) => {
  await t.rejects(new FolderSource(['/no/such/folder'], new Reports()).start(), /ENOENT/);
});

async function open(
  t: Test,
  prepare: (at: (path: string) => string) => void,
  folders: string[] = ['.'],
  onRead: (files: readonly string[], names: readonly string[]) => void = () => {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'weft-folder-'));
  const at = (path: string) => join(folder, path);
  prepare(at);
  const reports = new Reports();
  const names = () => [...source.objects.list('Pod')].map(({ name }) => name).sort();
  const source = Object.assign(
    new FolderSource(folders.map(at), reports, systemClock, (files) => onRead(files, names())),
    { folder },
  );
  t.teardown(async () => {
    await source.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await source.start();
  const write = (path: string, text: string) => writeFileSync(at(path), text);
  return { source, reports, names, write, at };
}

function many(...objects: object[]): string {
  return objects.map((object) => stringify(object)).join('---\n');
}

async function until(t: Test, value: () => unknown, expected: unknown, message?: string): Promise<void> {
  const deadline = Date.now() + 5000;
  while (JSON.stringify(value()) !== JSON.stringify(expected) && Date.now() < deadline) await pause(10);
  t.same(value(), expected, message ?? 'within 5 s');
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
