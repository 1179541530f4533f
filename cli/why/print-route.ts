import type { RouteName } from './route-name.ts';

/** A route, the object that wrote it, and where. */
export function routeName({ name, origin, field, place }: RouteName): string {
  const called = name === '' ? 'without a name' : `"${name}"`;
  return withPlace([called, 'of', origin, field], place);
}

/** Words, and where what they name is written. */
export function withPlace(words: readonly string[], place: string): string {
  return [...words, place && `(${place})`].filter((word) => word !== '').join(' ');
}
