import type { Balancer as Settings } from '../../api/traffic-policy.ts';
import { Random } from '../../core/testing/random.ts';
import { Balancer, NO_HASH } from '../../proxy/balance/balancer.ts';
import type { Candidate } from '../../proxy/balance/candidate.ts';

/** An endpoint whose load and health the test sets. */
export class Endpoint implements Candidate {
  readonly id: string;
  price = 1;
  ready = true;
  ejected = false;
  inFlight = 0;
  sinceMs = 0;
  locality = 0;

  constructor(id: string, fields: Partial<Endpoint> = {}) {
    this.id = id;
    Object.assign(this, fields);
  }
  isReady(): boolean {
    return this.ready;
  }
  isEjected(): boolean {
    return this.ejected;
  }
  cost(): number {
    return this.price;
  }
}

/** A balancer of these endpoints whose choices are the same each time. */
export function balancerOf(endpoints: readonly Endpoint[], settings?: Settings, random: () => number = seeded(7)) {
  const balancer = new Balancer<Endpoint>(settings, random);
  balancer.update(endpoints);
  return balancer;
}

/** How often each endpoint is picked in `times` picks. */
export function counts(balancer: Balancer<Endpoint>, times: number, nowMs = 0): Record<string, number> {
  const found: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const { id } = balancer.pick(nowMs, NO_HASH, null)!;
    found[id] = (found[id] ?? 0) + 1;
  }
  return found;
}

/** From 0 to below 1, as the seed decides. */
export function seeded(seed: number): () => number {
  const random = new Random(seed);
  return () => random.below(2 ** 32) / 2 ** 32;
}
