import type { InjectSettings } from './settings.ts';

/**
 * The record of an injection, `0.1.0-9c1f03ab`: the image's tag and a hash of the settings, so that pods that were
 * injected under other settings can be told.
 */
export function fingerprintOf({ injectors: _, ...settings }: InjectSettings): string {
  const tag = /:([\w.-]+)$/.exec(settings.image)?.[1] ?? 'latest';
  return `${tag}-${fnv1a(JSON.stringify(settings)).toString(16).padStart(8, '0')}`;
}

/** 32 bits of Fowler, Noll and Vo; it tells settings apart and guards nothing. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
