import type { ObjectRef } from '../../destination/translate/complain.ts';

/** The object that the origin of a route names (`formatRef`). */
export function parseRef(origin: string): ObjectRef {
  const [kind = '', namespace = '', ...name] = origin.split('/');
  return { kind, namespace, name: name.join('/') };
}
