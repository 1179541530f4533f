import { ACCEPTED_CONDITION } from '../../api/names.ts';
import { refOf } from '../../destination/objects/object-ref.ts';
import { KEYS_ARE_AWAY } from '../../destination/translate/istio/token-rules.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { Finding } from './finding.ts';

/**
 * Findings about RequestAuthentications whose keys destination cannot fetch, as it says in their status: nobody else knows, for the
 * source answers where destination is. Manifests that were never applied have no status, and no finding.
 */
export function keysAway(state: MeshState): Finding[] {
  return [...state.objects.list('RequestAuthentication')].flatMap((each): Finding[] => {
    const object = refOf('RequestAuthentication', each);
    const message = acceptedMessage(state.written(object)?.raw.status);
    if (!message.includes(KEYS_ARE_AWAY)) return [];
    return [{ severity: 'error', check: 'keys', object, place: state.placeOf(object), field: 'status', message }];
  });
}

/** What Weft's condition says; empty: there is none. */
function acceptedMessage(status: unknown): string {
  const { conditions } = (status ?? {}) as { readonly conditions?: unknown };
  if (!Array.isArray(conditions)) return '';
  const condition = conditions.find(
    (each) => (each as { readonly type?: unknown } | null)?.type === ACCEPTED_CONDITION,
  );
  const message = (condition as { readonly message?: unknown } | undefined)?.message;
  return typeof message === 'string' ? message : '';
}
