import { parseManifestFile } from '../../../destination/objects/manifest-file.ts';
import { MeshState } from '../mesh-state.ts';
import { parsePaths, together } from '../read-paths.ts';

/** Files by name: their text, or the objects that they hold. */
export type Files = Readonly<Record<string, string | readonly object[]>>;

/** What the control plane would hold of these files, beside those of `paths`. */
export function stateOf(files: Files, paths: readonly string[] = []): MeshState {
  const written = Object.entries(files).map(([name, content]) =>
    parseManifestFile(
      name,
      typeof content === 'string' ? content : JSON.stringify({ apiVersion: 'v1', kind: 'List', items: content }),
    ),
  );
  return new MeshState(together([...parsePaths(paths), ...written]));
}
