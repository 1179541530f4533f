import { CONTROL_NAMESPACE } from '../../api/names.ts';
import {
  canonicalSerial,
  parseRevocations,
  REVOCATIONS_CONFIG_MAP,
  REVOKED_IDENTITIES_KEY,
  REVOKED_SERIALS_KEY,
} from '../../api/revocations.ts';
import { ApiClient } from '../../core/kubernetes/api-client.ts';
import { nullIfNotFound } from '../../core/kubernetes/api-error.ts';
import { apiPath } from '../../core/kubernetes/api-path.ts';
import { UsageError } from '../command.ts';
import { readArguments } from '../command-line.ts';

/** `weft identity revoke`. @returns the exit code */
export async function revoke(args: readonly string[]): Promise<number> {
  const { values } = readArguments('identity revoke', args, {
    serial: { type: 'string', multiple: true, default: [] },
    identity: { type: 'string', multiple: true, default: [] },
    undo: { type: 'boolean', default: false },
  });
  const { serial: serials, identity: identities, undo } = values;
  const { revocations: asked, faults } = parseRevocations({
    [REVOKED_SERIALS_KEY]: serials.join('\n'),
    [REVOKED_IDENTITIES_KEY]: identities.join('\n'),
  });
  const [fault] = faults;
  if (fault) throw new UsageError(`"${fault.line}" is no ${fault.wanted}`);
  if (asked.serials.length + asked.identities.length === 0)
    throw new UsageError('nothing to revoke', 'name one with --serial HEX or --identity spiffe://…');
  const api = await ApiClient.fromCluster();
  try {
    const found = await api.get(`${CONFIG_MAPS}/${REVOCATIONS_CONFIG_MAP}`).catch(nullIfNotFound);
    const texts = (found?.data ?? {}) as Record<string, string>;
    const data = {
      [REVOKED_SERIALS_KEY]: changed(texts[REVOKED_SERIALS_KEY] ?? '', asked.serials, undo, canonicalSerial),
      [REVOKED_IDENTITIES_KEY]: changed(texts[REVOKED_IDENTITIES_KEY] ?? '', asked.identities, undo, (line) => line),
    };
    if (found) {
      const { resourceVersion } = found.metadata;
      const patch = { metadata: { resourceVersion }, data };
      await api.patch(`${CONFIG_MAPS}/${REVOCATIONS_CONFIG_MAP}`, patch, 'application/merge-patch+json');
    } else {
      const metadata = { name: REVOCATIONS_CONFIG_MAP, labels: { 'app.kubernetes.io/part-of': 'weft' } };
      await api.create(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
    }
    for (const each of [...asked.serials, ...asked.identities])
      process.stdout.write(`${undo ? 'no longer revoked' : 'revoked'}: ${each}\n`);
    return 0;
  } finally {
    api.close();
  }
}

/**
 * The text of a key with lines added, or taken out; comments and order of the others stay. Pure.
 *
 * @param read what a line names, by which it is known again
 */
export function changed(
  text: string,
  values: readonly string[],
  isUndo: boolean,
  read: (line: string) => string | null,
): string {
  const nameOf = (line: string) => read(line.replace(/#.*/, '').trim());
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const kept = isUndo ? lines.filter((line) => !values.includes(nameOf(line) ?? '')) : lines;
  const added = isUndo ? [] : values.filter((value) => !lines.some((line) => nameOf(line) === value));
  return [...kept, ...added].map((line) => `${line}\n`).join('');
}

const CONFIG_MAPS = apiPath`/api/v1/namespaces/${CONTROL_NAMESPACE}/configmaps`;
