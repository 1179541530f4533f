import type { AccessRule, MutualTlsMode, PodAccess } from '../../api/access-policy.ts';
import type { AccessFacts } from './condition.ts';
import { type Decision, type Judged, Layer } from './layer.ts';

/** What all of a pod's access policy says of somebody. */
export interface Judgement extends Decision {
  /** What decided where no rule did: the objects of the layer. Empty: nothing had to. */
  readonly origin: string;
}

/**
 * What a pod demands of clients on all of its ports, compiled. Every layer has to let a client in. A layer that cannot be
 * judged by, because this version does not know what it says, lets nobody in.
 */
export class Access {
  /** Demands nothing. */
  static readonly OPEN = new Access(undefined);

  readonly #config: PodAccess | undefined;
  readonly #layers: readonly Layer[];
  readonly #hasNotes: boolean;
  /** What is wrong with layers that nobody is let in by, for the operator. */
  readonly faults: readonly string[];

  constructor(config: PodAccess | undefined) {
    this.#config = config;
    const faults: string[] = [];
    this.#layers = (config?.layers ?? []).map((layer) => {
      try {
        return new Layer(layer);
      } catch (error) {
        const fault = `${layer.origin || 'a rule'}: ${(error as Error).message}`;
        faults.push(fault);
        return new Layer({
          deny: [],
          allow: [],
          origin: `${layer.origin} (cannot be judged by: ${(error as Error).message})`,
        });
      }
    });
    this.faults = faults;
    this.#hasNotes = config?.layers.some(({ audit, dryRun }) => audit ?? dryRun) === true;
  }

  /** Whether clients of a port have to prove who they are. */
  mutualTls(port: number): MutualTlsMode {
    return this.#config?.mutualTlsPorts?.[String(port)] ?? this.#config?.mutualTls ?? PERMISSIVE;
  }

  /** Whether anything is looked at but mutual TLS. */
  get hasRules(): boolean {
    return this.#layers.length > 0;
  }

  /** What is to be told of somebody of whom all is known; of most nothing. */
  notes(facts: AccessFacts, judged: Judged): readonly Note[] {
    if (!this.#hasNotes) return NONE;
    return this.#layers.flatMap((layer): Note[] => {
      const audited = layer.audited(facts, judged);
      const tried = layer.tried(facts, judged);
      return [
        ...(audited ? [{ kind: 'audit', verdict: 'allowed', rule: audited } as const] : []),
        ...(tried && tried.verdict !== 'unknown'
          ? [{ kind: 'dry-run', verdict: tried.verdict, rule: tried.rule } as const]
          : []),
      ];
    });
  }

  /** Judges somebody by what is known. The first layer that refuses decides; then what is unknown; then the last that let in. */
  judge(facts: AccessFacts, judged: Judged): Judgement {
    let letting: Judgement = ALLOWED;
    let isKnown = true;
    for (const layer of this.#layers) {
      const { verdict, rule } = layer.decide(facts, judged);
      if (verdict === 'denied') return { verdict, rule, origin: layer.origin };
      if (verdict === 'unknown') isKnown = false;
      else if (rule) letting = { verdict, rule, origin: layer.origin };
    }
    return isKnown ? letting : UNKNOWN;
  }
}

/** What is told of and not enforced: a rule that audits, or what would be if what is tried were in force. */
export interface Note {
  readonly kind: 'audit' | 'dry-run';
  /** What a dry run would say; `allowed` of what is audited. */
  readonly verdict: 'allowed' | 'denied';
  /** The rule; null: no rule of the objects would let it in, or none would have to. */
  readonly rule: AccessRule | null;
}

/** Which object and which part of it decided, `AuthorizationPolicy/default/api spec.rules[0]`; empty: nothing did. */
export function decidedBy({ rule, origin }: Judgement): string {
  if (!rule) return origin;
  return rule.path ? `${rule.origin} ${rule.path}` : rule.origin;
}

const PERMISSIVE: MutualTlsMode = { mode: 'permissive', origin: 'default' };
const NONE: readonly Note[] = [];
const ALLOWED: Judgement = { verdict: 'allowed', rule: null, origin: '' };
const UNKNOWN: Judgement = { verdict: 'unknown', rule: null, origin: '' };
