import type { Predicate } from '../../api/predicate.ts';
import type { RetryPolicy, Route } from '../../api/routing.ts';
import { compileString } from '../../proxy/routing/predicate.ts';

/** Methods whose requests do not mean the same once and twice (RFC 9110 section 9.2.2, RFC 5789 section 2). */
export const UNSAFE_TO_REPEAT: readonly string[] = ['POST', 'PATCH'];

/**
 * Methods of {@link UNSAFE_TO_REPEAT} that the route takes and whose requests its retry rule may send again after the
 * application has seen them; empty: none, or the rule covers only what never reached it.
 */
export function repeatedMethods({ when, retry }: Route): readonly string[] {
  if (!retry || !mayFollowDelivery(retry)) return [];
  return UNSAFE_TO_REPEAT.filter((method) => takesMethod(when, method) !== 'no');
}

/** A route whose requests may be sent again, and what they are. */
export interface Repeated {
  readonly route: Route;
  /** Of {@link UNSAFE_TO_REPEAT}, or `call` where it is one of gRPC. */
  readonly methods: readonly string[];
}

/** Whether a route takes a call of gRPC alone: POST of `/package.Service/Method`. */
export function isCallOfGrpc({ when, origin }: Route): boolean {
  if (origin.startsWith('GRPCRoute/')) return true;
  const parts = 'all' in when ? when.all : [when];
  return parts.some((part) => {
    if (!('path' in part)) return false;
    const path = part.path as { readonly exact?: string; readonly regex?: string };
    return CALL_OF_GRPC.test((path.exact ?? path.regex ?? '').replaceAll('\\', ''));
  });
}

/** What is said of routes of one object. @param found at least one */
export function sentenceOfRepeated(found: readonly Repeated[]): string {
  const methods = [...new Set(found.flatMap((each) => each.methods))];
  const isGrpc = methods.every((method) => method === 'call');
  const sent = isGrpc ? 'call' : methods.filter((method) => method !== 'call').join(' or ');
  const advice = isGrpc
    ? ', as each call of gRPC is a POST; keep retries for calls that do no harm when they are repeated'
    : '; exclude the method, or make sure that repeating it does no harm';
  return `${nameOf(found)} may send a ${sent} again that the application has already carried out${advice}`;
}

/** The rules by the names that routes have, or where they stand. */
function nameOf(found: readonly Repeated[]): string {
  const [{ route }] = found as readonly [Repeated];
  const isNamed = route.path === undefined && route.name !== '';
  if (found.length === 1) return isNamed ? `route "${route.name}"` : 'its retry rule';
  const names = found.map(({ route: { path, name } }) => path ?? `"${name}"`);
  const rest = names.length - MOST_NAMED;
  const listed = rest > 0 ? [...names.slice(0, MOST_NAMED), `${rest} more`] : names;
  return `${isNamed ? 'routes' : 'its retry rules'} ${LIST.format(listed)}`;
}

/** Whether an outcome that the rule tries again may come from a request that reached the application. */
function mayFollowDelivery({ on }: RetryPolicy): boolean {
  const isHarmless = on.outcomes.every((outcome) => outcome === 'connect-failure' || outcome === 'refused-stream');
  return !isHarmless || (on.statuses ?? []).length > 0 || (on.grpc ?? []).length > 0;
}

/** Whether a predicate takes requests of a method: all, none, or it depends on what else they are. */
function takesMethod(predicate: Predicate, method: string): 'yes' | 'no' | 'maybe' {
  if ('all' in predicate) return least(predicate.all.map((part) => takesMethod(part, method)));
  if ('any' in predicate) return NEGATION[least(predicate.any.map((part) => NEGATION[takesMethod(part, method)]))];
  if ('not' in predicate) return NEGATION[takesMethod(predicate.not, method)];
  if ('method' in predicate) return compileString(predicate.method)(method) ? 'yes' : 'no';
  return 'maybe';
}

/** What holds of a conjunction. */
function least(parts: readonly ('yes' | 'no' | 'maybe')[]): 'yes' | 'no' | 'maybe' {
  if (parts.includes('no')) return 'no';
  return parts.includes('maybe') ? 'maybe' : 'yes';
}

const NEGATION = { yes: 'no', no: 'yes', maybe: 'maybe' } as const;
/** Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Path"; a service without a package is left out. */
const CALL_OF_GRPC = /^\/[A-Za-z_]\w*(\.\w+)+\/\w+$/;
const MOST_NAMED = 3;
/** Without a comma before the last. */
const LIST = new Intl.ListFormat('en-GB', { type: 'conjunction' });
