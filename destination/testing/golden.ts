import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { formatReport, type Report } from '../objects/reports.ts';
import { inboundConfig } from '../translate/inbound-config.ts';
import { clusterOf } from './cluster.ts';

/** A manifest of a golden file, or who asks (kind `Client`: metadata.namespace and labels, `region/zone/subzone`). */
export interface GoldenDocument {
  readonly [field: string]: unknown;
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly locality?: string;
}

export const GOLDEN_FOLDER = join(import.meta.dirname, '../translate/golden');

/** Names of the golden files, `istio-virtual-service.yaml`, sorted. */
export function goldenFiles(): string[] {
  return globSync('*.yaml', { cwd: GOLDEN_FOLDER, exclude: ['*.golden.yaml'] }).sort();
}

export function readGolden(file: string): GoldenDocument[] {
  const text = readFileSync(join(GOLDEN_FOLDER, file), 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS());
}

/** What becomes of a small cluster: every Service and pod as a target, every pod's inbound configuration, every fault. */
export function translateGolden(documents: readonly GoldenDocument[]): {
  readonly faults: readonly string[];
  /** Those of objects read by themselves. */
  readonly reports: readonly Report[];
  readonly outbound: object;
  readonly inbound: object;
} {
  const clients = documents.filter(({ kind }) => kind === 'Client');
  const { inquiry, source, target, complaints, reports } = clusterOf(
    ...documents.filter(({ kind }) => kind !== 'Client'),
  );
  const pods = [...source.objects.list('Pod')];
  const keys = [
    ...[...source.objects.list('Service')].flatMap(({ name, namespace, ports }) =>
      ports.map(({ port }) => `${name}.${namespace}:${port}`),
    ),
    ...[...source.objects.list('ServiceEntry')].flatMap(({ hosts, addresses, ports }) =>
      [...hosts, ...addresses.slice(0, 1)]
        .map((host) => host.replace('*', 'any'))
        .flatMap((host) => ports.map(({ port }) => `${host}:${port}`)),
    ),
    ...pods.flatMap(({ ips, ports }) => ports.map(({ port }) => `${ips[0]}:${port}`)),
  ];
  const seenBy = ({
    metadata: { namespace, labels = {} },
    locality = '',
  }: Pick<GoldenDocument, 'metadata' | 'locality'>) => {
    const place = { labels, locality, zone: locality.split('/')[1] ?? '' };
    return Object.fromEntries(keys.map((key) => [key, target(key, namespace, place)]));
  };
  const outbound =
    clients.length === 0
      ? seenBy({ metadata: { name: '', namespace: 'client' } })
      : Object.fromEntries(clients.map((client) => [`seen by ${client.metadata.name}`, seenBy(client)]));
  const inbound = Object.fromEntries(pods.map((pod) => [`${pod.namespace}/${pod.name}`, inboundConfig(inquiry, pod)]));
  const found = reports.current();
  return { faults: [...found.map(formatReport), ...new Set(complaints)], reports: found, outbound, inbound };
}
