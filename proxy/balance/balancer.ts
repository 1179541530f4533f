import type { Balancer as Settings } from '../../api/traffic-policy.ts';
import { type Candidate, eligible } from './candidate.ts';
import { type HashTable, hashTable } from './hash-table.ts';
import { type Picker, pickerOf } from './picker.ts';

/** A request without a key for consistent hashing. */
export const NO_HASH = -1;

/** Chooses the endpoint of an attempt by the settings of its backend. */
export class Balancer<C extends Candidate> {
  readonly #settings: Settings | undefined;
  readonly #random: () => number;
  readonly #picker: Picker;
  #candidates: readonly C[] = [];
  #groups: readonly Group<C>[] = [];
  #table: HashTable<C> | null = null;

  /** @param random from 0 to below 1 */
  constructor(settings: Settings | undefined, random: () => number = Math.random) {
    this.#settings = settings;
    this.#random = random;
    this.#picker = pickerOf(settings, random);
  }

  /** Takes the endpoints that there are now. */
  update(candidates: readonly C[]): void {
    this.#candidates = candidates;
    const { localities, hash } = this.#settings ?? {};
    this.#groups = (localities ?? []).map(({ priority, weight }, index) => ({
      priority,
      weight,
      candidates: candidates.filter(({ locality }) => locality === index),
    }));
    this.#table = hash ? hashTable(hash, candidates) : null;
  }

  /**
   * The endpoint for the next attempt.
   *
   * @param hash of the request's key, or {@link NO_HASH}
   * @param avoid endpoints that were tried already, used only where no other is left
   * @param leavesLocality those of the same group of nearness are avoided in the same way
   * @returns null where there is none that may be used
   */
  pick(nowMs: number, hash: number, avoid: readonly C[] | null, leavesLocality = false): C | null {
    if (this.#table !== null && hash !== NO_HASH) return this.#pickHashed(this.#table, nowMs, hash, avoid);
    if (leavesLocality && avoid !== null) {
      const elsewhere = this.#candidates.filter(({ locality }) => !avoid.some((each) => each.locality === locality));
      const pool = eligible(elsewhere, nowMs, null);
      if (pool.length > 0) return this.#picker.pick(pool, nowMs);
    }
    const group = this.#groups.length > 1 ? this.#chooseGroup(nowMs) : this.#candidates;
    const pool = eligible(group, nowMs, avoid);
    return pool.length === 0 ? null : this.#picker.pick(pool, nowMs);
  }

  #pickHashed(table: HashTable<C>, nowMs: number, hash: number, avoid: readonly C[] | null): C | null {
    const nearest = this.#nearestPriority(nowMs);
    const preferred = table.find(
      hash,
      (each) =>
        !each.isEjected(nowMs) &&
        each.isReady(nowMs) &&
        !avoid?.includes(each) &&
        (nearest === null || this.#groups[each.locality]?.priority === nearest),
    );
    return preferred ?? table.find(hash, (each) => !each.isEjected(nowMs));
  }

  /** The first priority that has a healthy endpoint: a key goes to one of its own; null: there is one group. */
  #nearestPriority(nowMs: number): number | null {
    if (this.#groups.length < 2) return null;
    const healthy = this.#groups.filter(({ candidates }) => healthOf(candidates, nowMs) > 0);
    return healthy.length === 0 ? null : Math.min(...healthy.map(({ priority }) => priority));
  }

  /**
   * A group of nearness. A priority takes up to 1.4 times the share of its endpoints that is healthy; what is left of the
   * requests spills over to the next. Within a priority groups are chosen by weight and health.
   *
   * Source: Envoy, "Priority levels" and "Locality weighted load balancing".
   */
  #chooseGroup(nowMs: number): readonly C[] {
    const shares = this.#groups.map((group) => ({ group, health: healthOf(group.candidates, nowMs) }));
    const priorities = [...new Set(this.#groups.map(({ priority }) => priority))].sort((a, b) => a - b);
    const loads: number[] = [];
    let left = 1;
    for (const priority of priorities) {
      const members = shares.filter(({ group }) => group.priority === priority);
      const total = members.reduce((sum, { group }) => sum + group.candidates.length, 0);
      const healthy = members.reduce((sum, { health }) => sum + health, 0);
      const load = Math.min(left, total === 0 ? 0 : (OVERPROVISIONING * healthy) / total);
      loads.push(load);
      left -= load;
    }
    let draw = this.#random() * (1 - left);
    const at = loads.findIndex((load) => {
      draw -= load;
      return draw < 0;
    });
    const priority = priorities[at];
    const members = shares
      .filter(({ group }) => group.priority === priority && group.candidates.length > 0)
      .map(({ group, health }) => ({
        group,
        weight: group.weight * Math.min(1, (OVERPROVISIONING * health) / group.candidates.length),
      }));
    let drawn = this.#random() * members.reduce((sum, { weight }) => sum + weight, 0);
    for (const { group, weight } of members) {
      drawn -= weight;
      if (drawn < 0) return group.candidates;
    }
    return this.#candidates;
  }
}

interface Group<C> {
  readonly priority: number;
  readonly weight: number;
  readonly candidates: readonly C[];
}

function healthOf(candidates: readonly Candidate[], nowMs: number): number {
  return candidates.filter((each) => !each.isEjected(nowMs) && each.isReady(nowMs)).length;
}

const OVERPROVISIONING = 1.4;
