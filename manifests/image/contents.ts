import { IMAGE_DIRECTORY, IMAGE_NODE } from '../../api/image.ts';
import { PROXY_UID } from '../../api/names.ts';

/** What every image holds and how it starts, whether manifests/image/build.mjs or the Dockerfile makes it. */

export const IMAGE_NAME = 'localhost/weft/weft:0.1.0';

/** User and group of the control plane's programs; pods give the proxy {@link PROXY_UID} and the init program 0. */
export const IMAGE_USER = '65532:65532';
export const IMAGE_ENTRYPOINT: readonly string[] = [IMAGE_NODE];
/** One malloc arena keeps the memory of an idle process down. */
export const IMAGE_ENVIRONMENT: readonly string[] = ['PATH=/usr/sbin:/usr/bin', 'MALLOC_ARENA_MAX=1'];
export const IMAGE_LABELS: Readonly<Record<string, string>> = {
  'org.opencontainers.image.licenses': 'Apache-2.0',
  'org.opencontainers.image.title': 'weft',
};

/** Programs that init calls, by both of their flavours: the node's kernel decides which one works. */
export const IPTABLES_PROGRAMS: readonly string[] = ['xtables-nft-multi', 'xtables-legacy-multi'];
/** Names by which {@link IPTABLES_PROGRAMS} are called. */
export const IPTABLES_LINKS: readonly { readonly name: string; readonly target: string }[] = [
  'iptables',
  'ip6tables',
].flatMap((family) =>
  ['nft', 'legacy'].flatMap((flavour) =>
    ['', '-save', '-restore'].map((kind) => ({
      name: `${family}-${flavour}${kind}`,
      target: `xtables-${flavour}-multi`,
    })),
  ),
);
/** Matches and targets that the redirect rules use; a version of iptables may have some of them built in. */
export const IPTABLES_EXTENSIONS: readonly string[] = [
  'libxt_owner',
  'libxt_multiport',
  'libxt_REDIRECT',
  'libxt_tcp',
  'libxt_standard',
  'libip6t_REDIRECT',
  'libipt_REDIRECT',
  'libxt_comment',
];

/** Debian packages that hold iptables and the libraries of Node. */
export const DEBIAN_PACKAGES: readonly string[] = ['iptables', 'libstdc++6'];

/** Where the native library of koffi lies: beside the bundles, because it cannot be bundled. */
export const IMAGE_MODULES = `${IMAGE_DIRECTORY}/node_modules`;

/** Files that are written rather than copied. */
export const IMAGE_TEXTS: Readonly<Record<string, string>> = {
  '/etc/passwd': `root:x:0:0:root:/:/\nweft:x:${PROXY_UID}:${PROXY_UID}:weft:/:/\nnobody:x:65534:65534:nobody:/:/\n`,
  '/etc/group': `root:x:0:\nweft:x:${PROXY_UID}:\nnobody:x:65534:\n`,
  '/etc/nsswitch.conf': 'hosts: files dns\n',
  [`${IMAGE_DIRECTORY}/package.json`]: '{"type":"module"}',
};

/** Folders that the kernel or a container runtime expects. */
export const IMAGE_FOLDERS: readonly string[] = ['/dev', '/proc', '/run', '/sys', '/var/run'];

/** A processor that images are made for. */
export interface Architecture {
  /** As OCI and Debian spell it. */
  readonly name: 'amd64' | 'arm64';
  /** As Node spells it. */
  readonly node: 'x64' | 'arm64';
  /** Debian's multiarch triplet. */
  readonly triplet: string;
  /** `e_machine` of its programs (ELF). */
  readonly machine: number;
}

export const ARCHITECTURES: readonly Architecture[] = [
  { name: 'amd64', node: 'x64', triplet: 'x86_64-linux-gnu', machine: 62 },
  { name: 'arm64', node: 'arm64', triplet: 'aarch64-linux-gnu', machine: 183 },
];
