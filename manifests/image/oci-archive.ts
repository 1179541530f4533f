import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { type Architecture, IMAGE_ENTRYPOINT, IMAGE_ENVIRONMENT, IMAGE_LABELS, IMAGE_USER } from './contents.ts';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/**
 * An OCI image layout that is written image by image and packed into one archive.
 *
 * Source: OCI image specification 1.1, image layout, index, manifest and configuration.
 */
export class OciArchive {
  readonly #layout: string;
  readonly #images: (Descriptor & { readonly platform: object })[] = [];

  /** @param layout an empty folder */
  constructor(layout: string) {
    this.#layout = layout;
    mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  }

  /** Adds the image of one architecture, of one layer. @returns octets of the layer as it is downloaded */
  add(rootfs: string, { name }: Architecture): number {
    // Order, owners and times are fixed, so that the same files are the same layer.
    const options = ['--numeric-owner', '--owner=0', '--group=0', '--sort=name', '--mtime=@0'];
    const tar = execFileSync('tar', ['-C', rootfs, ...options, '-cf', '-', '.'], { maxBuffer: MAX_LAYER_BYTES });
    const layer = this.#blob(gzipSync(tar, { level: 6 }), 'layer.v1.tar+gzip');
    const config = this.#json(
      {
        architecture: name,
        os: 'linux',
        config: {
          User: IMAGE_USER,
          Env: IMAGE_ENVIRONMENT,
          WorkingDir: '/',
          Entrypoint: IMAGE_ENTRYPOINT,
          Labels: IMAGE_LABELS,
        },
        rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
      },
      'config.v1+json',
    );
    const type = 'manifest.v1+json';
    const manifest = this.#json({ schemaVersion: 2, mediaType: `${MEDIA}.${type}`, config, layers: [layer] }, type);
    this.#images.push({ ...manifest, platform: { architecture: name, os: 'linux' } });
    return layer.size;
  }

  /** Writes the archive: one name, from which a node takes the image of its own architecture. */
  write(file: string, name: string): void {
    const [image] = this.#images;
    const named =
      this.#images.length === 1
        ? image
        : this.#json(
            { schemaVersion: 2, mediaType: `${MEDIA}.index.v1+json`, manifests: this.#images },
            'index.v1+json',
          );
    const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name };
    const index = { schemaVersion: 2, mediaType: `${MEDIA}.index.v1+json`, manifests: [{ ...named, annotations }] };
    writeFileSync(join(this.#layout, 'index.json'), JSON.stringify(index));
    writeFileSync(join(this.#layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    execFileSync('tar', ['-C', this.#layout, '-cf', file, '.']);
  }

  #json(value: object, type: string): Descriptor {
    return this.#blob(Buffer.from(JSON.stringify(value)), type);
  }

  #blob(bytes: Buffer, type: string): Descriptor {
    const digest = digestOf(bytes);
    writeFileSync(join(this.#layout, 'blobs', digest.replace(':', '/')), bytes);
    return { mediaType: `${MEDIA}.${type}`, digest, size: bytes.length };
  }
}

/**
 * Octets of the compressed layers that an archive holds for one architecture.
 *
 * @throws Error when it holds none
 */
export function layerBytes(file: string, architecture: Architecture['name']): number {
  const read = (path: string) =>
    JSON.parse(execFileSync('tar', ['-xOf', file, `./${path}`], { encoding: 'utf8' })) as {
      readonly layers?: readonly Descriptor[];
      readonly manifests?: readonly (Descriptor & { readonly platform?: { readonly architecture: string } })[];
    };
  for (let { manifests, layers } = read('index.json'); ; ) {
    if (layers) return layers.reduce((total, { size }) => total + size, 0);
    const next = manifests?.find(({ platform }) => platform === undefined || platform.architecture === architecture);
    if (!next) throw new Error(`${file} holds no image for ${architecture}`);
    ({ manifests, layers } = read(`blobs/${next.digest.replace(':', '/')}`));
  }
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

const MEDIA = 'application/vnd.oci.image';
const MAX_LAYER_BYTES = 1024 ** 3;
