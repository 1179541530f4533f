import type { Fields } from '../json.ts';
import { type Meta, readAnnotations, readHostMeta } from '../meta.ts';
import type { Problem } from '../problem.ts';
import { readSettings, type Settings } from './settings.ts';

/** What of a Namespace decides: its settings hold for its pods and Services unless these have their own. */
export interface Namespace extends Meta {
  readonly settings: Settings;
}

/** Reads a v1 Namespace. @throws MalformedObject */
export function readNamespace(raw: Fields, problems: Problem[]): Namespace {
  return { ...readHostMeta(raw), settings: readSettings(readAnnotations(raw), problems) };
}
