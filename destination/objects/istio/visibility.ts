import type { FieldReader } from '../field-reader.ts';

/** Whose clients an object holds for: `*`, `.` for those of its own namespace, or names of namespaces. */
export type ExportTo = readonly string[];

/** Reads `exportTo`. Source: VirtualService and DestinationRule, "exportTo". */
export function readExportTo(reader: FieldReader): ExportTo {
  const names = reader.texts('exportTo');
  for (const name of names)
    if (name !== '*' && name !== '.' && !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name))
      reader.problem('exportTo', `"${name}" is neither a namespace nor "." or "*"`);
  if (new Set(names).size !== names.length) reader.problem('exportTo', 'names something twice');
  if (names.includes('*') && names.length > 1)
    reader.problem('exportTo', 'has others beside "*", which is all of them');
  return names.length === 0 ? ['*'] : names;
}

/** 0: to its own namespace alone; 1: to some, this one among them; 2: to all; null: not to this one. Lower comes first. */
export function visibility(
  { exportTo, namespace }: { readonly exportTo: ExportTo; readonly namespace: string },
  clientNamespace: string,
): 0 | 1 | 2 | null {
  if (exportTo.includes('*')) return 2;
  const isOwn = namespace === clientNamespace;
  const names = exportTo.map((name) => (name === '.' ? namespace : name));
  if (!names.includes(clientNamespace)) return null;
  return isOwn && names.length === 1 ? 0 : 1;
}
