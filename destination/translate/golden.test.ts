import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse, parseAllDocuments, stringify } from 'yaml';

import { clusterOf, TEST_DOMAIN } from '../testing/cluster.ts';
import { inboundConfig } from './inbound-config.ts';
import { formatReport } from './reports.ts';

/**
 * Each `golden/<name>.yaml` is a small cluster, and `<name>.golden.yaml` what becomes of it: every Service and pod as a
 * target, every pod's inbound configuration, and every fault. `WEFT_UPDATE_GOLDEN=1` writes the latter anew.
 *
 * Who asks is a client of namespace `client` without labels, or each document of kind `Client` (metadata.namespace and
 * labels, `locality: region/zone/subzone`).
 */
const FOLDER = join(import.meta.dirname, 'golden');

for (const file of globSync('*.yaml', { cwd: FOLDER, exclude: ['*.golden.yaml'] }).sort()) {
  t.test(`${file} is translated as before`, async (t) => {
    const result = translate(readFileSync(join(FOLDER, file), 'utf8'));
    const golden = join(FOLDER, file.replace('.yaml', '.golden.yaml'));
    if (process.env.WEFT_UPDATE_GOLDEN) writeFileSync(golden, stringify(result, { aliasDuplicateObjects: false }));
    t.same(JSON.parse(JSON.stringify(result)), parse(readFileSync(golden, 'utf8')));
  });
}

function translate(text: string) {
  const documents = parseAllDocuments(text).map((document) => document.toJS() as Document);
  const clients = documents.filter(({ kind }) => kind === 'Client');
  const { cluster, source, target, complain, complaints, reports } = clusterOf(
    ...documents.filter(({ kind }) => kind !== 'Client'),
  );
  const pods = [...source.objects.list('Pod')];
  const keys = [
    ...[...source.objects.list('Service')].flatMap(({ name, namespace, ports }) =>
      ports.map(({ port }) => `${name}.${namespace}:${port}`),
    ),
    ...pods.flatMap(({ ips, ports }) => ports.map(({ port }) => `${ips[0]}:${port}`)),
  ];
  const seenBy = ({ metadata, locality = '' }: Document) =>
    Object.fromEntries(
      keys.map((key) => [
        key,
        target(key, metadata.namespace, {
          labels: metadata.labels ?? {},
          locality,
          zone: locality.split('/')[1] ?? '',
        }),
      ]),
    );
  const outbound =
    clients.length === 0
      ? seenBy({ kind: 'Client', metadata: { name: '', namespace: 'client' } })
      : Object.fromEntries(clients.map((client) => [`seen by ${client.metadata.name}`, seenBy(client)]));
  const inbound = Object.fromEntries(
    pods.map((pod) => [`${pod.namespace}/${pod.name}`, inboundConfig(cluster, pod, TEST_DOMAIN, complain)]),
  );
  return { faults: [...reports.current().map(formatReport), ...new Set(complaints)], outbound, inbound };
}

interface Document {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly locality?: string;
}
