import { statSync } from 'node:fs';

import { formatReport } from '../../destination/objects/reports.ts';
import { UsageError } from '../command.ts';
import type { FoundObjects } from '../state/mesh-state.ts';
import { readPaths } from '../state/read-paths.ts';

/** A Kubernetes object as it was written. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** What a folder of manifests holds, and the sentences of what is wrong in it. */
export interface ReadFolder extends FoundObjects {
  /** The objects that decide something, each once. */
  readonly objects: readonly KubernetesObject[];
  /** `PATH:LINE: KIND/NAMESPACE/NAME: MESSAGE` of what cannot be read; the rest is. */
  readonly problems: readonly string[];
}

/**
 * Reads a folder of manifests and those below it, as destination does.
 *
 * @throws UsageError for a folder that is not there or cannot be listed
 */
export function readFolder(folder: string): ReadFolder {
  if (statSync(folder, { throwIfNoEntry: false })?.isFile())
    throw new UsageError(`${folder}: is a file, not a folder`, 'name the folder that it lies in');
  const found = readPaths([folder]);
  return {
    ...found,
    objects: found.puts.map(({ raw }) => raw as unknown as KubernetesObject),
    problems: found.faults.map(formatReport),
  };
}
