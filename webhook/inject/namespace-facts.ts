import { INJECT } from '../../api/names.ts';

/** What injection knows of a pod's namespace. */
export interface NamespaceFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A namespace that asks for injection: what `weft inject` assumes, since whoever calls it asks by calling. */
export function askingNamespace(name: string): NamespaceFacts {
  return { name, labels: { [INJECT]: 'enabled' }, annotations: {} };
}
