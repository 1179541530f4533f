import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readYaml } from '../../core/yaml/documents.ts';

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

/** Reads every object of a folder's YAML and JSON files. Problems are sentences with file and line; the rest is still read. */
export function readFolder(folder: string): { objects: KubernetesObject[]; problems: string[] } {
  const objects: KubernetesObject[] = [];
  const problems: string[] = [];
  for (const name of readdirSync(folder).sort()) {
    const file = join(folder, name);
    if (!/\.(ya?ml|json)$/.test(name) || !statSync(file).isFile()) continue;
    for (const document of readYaml(readFileSync(file, 'utf8'))) {
      const problem = (line: number, message: string) => problems.push(`${file}:${line}: ${message}`);
      if (document.fault) {
        problem(document.fault.line, document.fault.message);
        continue;
      }
      try {
        const value = document.toJson() as KubernetesObject | null;
        if (value === null) continue;
        if (typeof value.kind !== 'string' || typeof value.metadata?.name !== 'string')
          problem(document.line, 'an object has no kind or no metadata.name');
        else objects.push(value);
      } catch (error) {
        problem(document.line, (error as Error).message);
      }
    }
  }
  return { objects, problems };
}
