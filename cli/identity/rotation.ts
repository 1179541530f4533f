import type { TrustPage } from '../../api/trust-page.ts';

/** What a replacement of the root is judged by. Fingerprints as in {@link TrustPage}. */
export interface RotationFacts {
  /** Of the roots in the ConfigMap. */
  readonly roots: readonly string[];
  /** Of the issuer in force, in its Secret. */
  readonly issuer: string;
  /** The authorities that are to take over; null: none are staged. */
  readonly next: {
    readonly root: string;
    readonly issuer: string;
    /** When they did, RFC 3339; empty: not yet, or nobody knows. */
    readonly switchedAt: string;
  } | null;
  /** What the ConfigMap asks to renew by, RFC 3339; empty: nothing. */
  readonly renewIssuedBefore: string;
  /** One page of each replica of destination. */
  readonly replicas: readonly TrustPage[];
  /** Pods that run with a proxy, by `NAMESPACE/NAME`. */
  readonly pods: readonly string[];
}

/**
 * What comes next, in the order in which it does:
 *
 * ```
 * stage ─▶ trust ─▶ await-trust ─▶ switch ─▶ renew ─▶ await-renewal ─▶ drop ─▶ await-drop ─▶ finish
 * ```
 */
export type RotationStep =
  | { readonly step: 'stage' | 'trust' | 'switch' | 'renew' | 'drop' | 'finish' }
  /** `waiting`: who has not the new root yet, not a certificate of the new issuer, or still the old root. */
  | { readonly step: 'await-trust' | 'await-renewal' | 'await-drop'; readonly waiting: readonly string[] };

/**
 * The step that the facts ask for. All state lies in the cluster, so that a replacement that was stopped goes on where it was.
 * Pure.
 */
export function rotationStep(facts: RotationFacts): RotationStep {
  const { roots, issuer, next, renewIssuedBefore, replicas } = facts;
  if (!next) return { step: 'stage' };
  if (issuer !== next.issuer) {
    if (!roots.includes(next.root)) return { step: 'trust' };
    const waiting = without(facts, (page, proxy) => page.roots.includes(next.root) && proxy.applied === page.version);
    const deaf = replicas.some((page) => !page.roots.includes(next.root)) ? ['destination'] : [];
    return waiting.length + deaf.length > 0
      ? { step: 'await-trust', waiting: [...deaf, ...waiting] }
      : { step: 'switch' };
  }
  if (roots.length === 1 && roots[0] === next.root) {
    const isAlone = (page: TrustPage) => page.roots.length === 1 && page.roots[0] === next.root;
    const waiting = [
      ...(replicas.every(isAlone) ? [] : ['destination']),
      ...without(facts, (page, proxy) => isAlone(page) && proxy.applied === page.version),
    ];
    return waiting.length > 0 ? { step: 'await-drop', waiting } : { step: 'finish' };
  }
  if (next.switchedAt === '') return { step: 'switch' };
  if (renewIssuedBefore < renewalInstant(Date.parse(next.switchedAt))) return { step: 'renew' };
  const waiting = without(facts, (_page, proxy) => proxy.issuer === next.issuer);
  const own = replicas.some((page) => page.issuer !== next.issuer) ? ['destination'] : [];
  return waiting.length + own.length > 0 ? { step: 'await-renewal', waiting: [...own, ...waiting] } : { step: 'drop' };
}

/**
 * What asks everybody to renew whose certificate was made before, by whatever clock of the cluster.
 *
 * @param nowMs milliseconds since the epoch @returns RFC 3339
 */
export function renewalInstant(nowMs: number): string {
  return new Date(nowMs + CLOCKS_DIFFER_MS).toISOString();
}

/** Clocks of a cluster's nodes stand so far apart at most, milliseconds. */
const CLOCKS_DIFFER_MS = 60_000;

/** Pods of which no replica of destination knows what is wanted: they have no stream, or have not got so far. */
function without(
  { replicas, pods }: RotationFacts,
  isDone: (page: TrustPage, proxy: TrustPage['proxies'][number]) => boolean,
): string[] {
  const done = new Set(
    replicas.flatMap((page) =>
      page.proxies.filter((proxy) => isDone(page, proxy)).map(({ namespace, pod }) => `${namespace}/${pod}`),
    ),
  );
  return pods.filter((pod) => !done.has(pod));
}
