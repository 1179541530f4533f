import type { AccessRule } from '../../api/access-policy.ts';
import type { ProxyErrorReason } from '../../api/proxy-headers.ts';
import type { InboundPolicy } from '../../api/routing.ts';
import type { IpNetworks } from '../../core/config/ip-networks.ts';
import { type Client, judge, refusal } from '../routing/inbound-policy.ts';
import { pathOf } from '../routing/request-parts.ts';
import { type Access, decidedBy } from './access.ts';
import type { AccessFacts } from './condition.ts';
import type { Judged } from './layer.ts';
import { normalTarget, otherReadings } from './path-readings.ts';
import type { PortAccess } from './port-access.ts';
import type { TokenFault } from './token-fault.ts';

/** What a port of a pod demands of who wants in, compiled. */
export interface Demands {
  /** Of the port, or of the pod. */
  readonly policy: InboundPolicy;
  /** Whom the port lets in besides. */
  readonly port: PortAccess;
  /** What all ports demand besides. */
  readonly pod: Access;
  /** Of the cluster, for the `cluster-*` policies. */
  readonly networks: IpNetworks;
}

/** Who wants in. */
export type Applicant = Pick<Client, 'identity' | 'isLocal'> & { readonly facts: AccessFacts };

/** What becomes of who wants in. */
export interface Verdict {
  /** `unknown`: it depends on what is not known. */
  readonly verdict: 'allowed' | 'denied' | 'unknown';
  /**
   * What a request that is refused gets: `answer` says so; `not-found`, because it is of no route of the port; `reset`, no
   * answer at all, because a client without an identity is none that may ask; the others, what is wrong with its token.
   */
  readonly refusal: 'answer' | 'not-found' | 'reset' | TokenFault['kind'];
  /** Why it is refused, in a sentence for the operator; what let it in otherwise, or empty: nothing had to. */
  readonly why: string;
  readonly decider: Decider;
}

/** What decided: an object; the port's policy; or that no rule of any object lets it in. */
export type Decider =
  | { readonly kind: 'object'; readonly origin: string; readonly path?: string }
  | { readonly kind: 'policy'; readonly mode: InboundPolicy['mode'] }
  | { readonly kind: 'no-rule' };

/** What answers say of each refusal, and metrics. */
export const REASON_OF_REFUSAL: Readonly<Record<Verdict['refusal'], ProxyErrorReason>> = {
  answer: 'policy_denied',
  reset: 'policy_denied',
  'not-found': 'route_not_found',
  invalid: 'token_invalid',
  'keys-unknown': 'token_invalid',
  'for-others': 'token_for_others',
};

/** Whether rules look at the requests of a port: paths are brought into normal form then. */
export function looksAtRequests({ port, pod }: Demands): boolean {
  return pod.hasRules || port.hasRoutes;
}

/**
 * Judges who wants in: first whether it has to prove who it is, then the port's own policy with whom it lets in besides, then
 * what all ports demand; every one of them has to let it in. The pod itself has to satisfy the last alone. Pure; throws never.
 *
 * A request is judged by each reading of its path ({@link otherReadings}).
 */
export function verdictOf(demands: Demands, applicant: Applicant, judged: Judged): Verdict {
  const { request } = applicant.facts;
  if (judged === 'octets' || !request || !looksAtRequests(demands)) return verdictOnce(demands, applicant, judged);
  const path = normalTarget(request.path);
  const ofPath = (reading: string): Verdict => {
    const facts = { ...applicant.facts, request: { ...request, path: reading } };
    return verdictOnce(demands, { ...applicant, facts }, judged);
  };
  const verdict = path === null || path === request.path ? verdictOnce(demands, applicant, judged) : ofPath(path);
  if (verdict.verdict !== 'allowed') return verdict;
  if (path === null)
    return {
      ...verdict,
      verdict: 'denied',
      why: 'its path has an octet 0 or a fragment, which some servers take for its end',
    };
  for (const reading of otherReadings(path)) {
    const other = ofPath(reading);
    if (other.verdict !== 'allowed')
      return { ...other, why: `${other.why}, if its path is read as ${pathOf(reading)}` };
  }
  return verdict;
}

/**
 * What becomes of a request whose token is not taken: it is refused before rules are asked, but who has to prove who it is hears
 * nothing of tokens before it has. Pure.
 *
 * @param verdict of the request by itself; returned where it holds
 */
export function afterToken(verdict: Verdict, fault: TokenFault | null): Verdict {
  if (!fault || (verdict.verdict === 'denied' && verdict.refusal === 'reset')) return verdict;
  const { kind, origin, path, why } = fault;
  return {
    verdict: 'denied',
    refusal: kind,
    why: `${origin} ${path} refuses it: it ${why}`,
    decider: { kind: 'object', origin, path },
  };
}

function verdictOnce(demands: Demands, applicant: Applicant, judged: Judged): Verdict {
  const { pod } = demands;
  const { identity, isLocal, facts } = applicant;
  const mutualTls = pod.mutualTls(facts.port ?? 0);
  const isStranger = identity === '' && !isLocal;
  // A mode that is not known here demands at least that.
  if (mutualTls.mode !== 'permissive' && isStranger && facts.client)
    return {
      verdict: 'denied',
      refusal: 'reset',
      why: `STRICT (${mutualTls.origin}) refuses a client without an identity`,
      decider: { kind: 'object', origin: mutualTls.origin },
    };
  const byPort: Verdict = isLocal ? allowedBy(demands.policy) : portVerdict(demands, applicant, judged);
  if (byPort.verdict === 'denied' || !pod.hasRules) return byPort;
  const judgement = pod.judge(facts, judged);
  if (judgement.verdict === 'unknown') return { ...byPort, verdict: 'unknown' };
  const decider: Decider = judgement.rule ? objectOf(judgement.rule) : { kind: 'no-rule' };
  if (judgement.verdict === 'denied') {
    const who = identity || (isLocal ? 'the pod itself' : 'a client without an identity');
    const by = decidedBy(judgement);
    const why = judgement.rule ? `${by} refuses ${who}` : `no rule of ${by} lets ${who} in`;
    return { verdict: 'denied', refusal: 'answer', why, decider };
  }
  return judgement.rule && byPort.verdict === 'allowed' ? { ...byPort, why: decidedBy(judgement), decider } : byPort;
}

/** What the port's own policy says, and whom it lets in besides. */
function portVerdict({ policy, port, networks }: Demands, { identity, facts }: Applicant, judged: Judged): Verdict {
  const authorized = port.find(facts, judged);
  if (authorized.kind === 'not-found') {
    const { method, path } = facts.request!;
    return {
      verdict: 'denied',
      refusal: 'not-found',
      why: `${method} ${pathOf(path)} is of no route of ${policy.origin}`,
      decider: { kind: 'object', origin: policy.origin },
    };
  }
  if (authorized.kind === 'authorized') {
    const { rule } = authorized;
    return { verdict: 'allowed', refusal: 'answer', why: rule.origin, decider: objectOf(rule) };
  }
  if (authorized.kind === 'unknown' || (facts.address === null && policy.mode.startsWith('cluster-')))
    return { ...allowedBy(policy), verdict: 'unknown' };
  const client = { identity, address: facts.address ?? '', isLocal: false };
  if (judge(policy, client, networks) !== 'denied') return allowedBy(policy);
  return { ...allowedBy(policy), verdict: 'denied', why: refusal(policy, client) };
}

function allowedBy({ mode }: InboundPolicy): Verdict {
  return { verdict: 'allowed', refusal: 'answer', why: '', decider: { kind: 'policy', mode } };
}

function objectOf({ origin, path }: AccessRule): Decider {
  return { kind: 'object', origin, ...(path !== undefined && { path }) };
}
