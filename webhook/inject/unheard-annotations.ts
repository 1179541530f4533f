import { ISTIO_SIDECAR_INJECT } from '../../api/names.ts';
import { POD_ANNOTATIONS, type PodAnnotation } from '../../api/pod-annotations.ts';
import { HEARD_INSTEAD, UNHEARD_ANNOTATIONS } from '../../api/unheard-annotations.ts';
import { doNotExist } from './known-names.ts';
import type { ObjectMetadata } from './pod-template.ts';
import type { ForeignFamilies } from './settings.ts';

/**
 * A sentence for each annotation of another mesh that Weft does not honour: what it would have done there, or that there is
 * none of its name. Of families that are not heard at all nothing is said.
 */
export function unheardAnnotations(
  metadata: Pick<ObjectMetadata, 'annotations'> | null | undefined,
  families: ForeignFamilies,
): string[] {
  const names = Object.keys(metadata?.annotations ?? {});
  return FAMILIES.filter(({ key }) => families[key]).flatMap(({ prefixes, effects, heard }) => {
    const unheard = names.filter((name) => prefixes.some((prefix) => name.startsWith(prefix)) && !heard.includes(name));
    const known = unheard.filter((name) => Object.hasOwn(effects, name));
    const others = unheard.filter((name) => !Object.hasOwn(effects, name));
    return [
      ...known.map((name) => sentence(name, effects[name]!)),
      ...doNotExist('annotation', others, [...heard, ...Object.keys(effects)]),
    ];
  });
}

function sentence(name: string, effect: string): string {
  const instead = HEARD_INSTEAD[name] === undefined ? '' : `; ${HEARD_INSTEAD[name]}`;
  return `the annotation ${name} is not honoured: it would ${effect}${instead}`;
}

/** A mesh whose words count. */
interface Family {
  readonly key: keyof ForeignFamilies;
  /** What names of it begin with. */
  readonly prefixes: readonly string[];
  /** Names that Weft acts upon. */
  readonly heard: readonly string[];
  readonly effects: Readonly<Record<string, string>>;
}

/** What Istio's injector leaves behind: not a wish. */
const ISTIO_STATUS = 'sidecar.istio.io/status';

const FAMILIES: readonly Family[] = (['linkerd', 'istio'] as const).map((key) => {
  const steering = Object.values<PodAnnotation>(POD_ANNOTATIONS).flatMap((annotation) => annotation[key] ?? []);
  const heard = key === 'istio' ? [...steering, ISTIO_SIDECAR_INJECT, ISTIO_STATUS] : steering;
  const effects = UNHEARD_ANNOTATIONS[key];
  const prefixes = [...heard, ...Object.keys(effects)].map((name) => name.slice(0, name.indexOf('/') + 1));
  return { key, prefixes: [...new Set(prefixes)], heard, effects };
});
