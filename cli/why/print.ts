import type { Filters } from '../../api/filters.ts';
import type { RateLimit, RetryPolicy, Timeouts } from '../../api/routing.ts';
import { formatProblem } from '../../destination/translate/problem.ts';
import type { ExplainedAlternative, Explanation, RouteName } from './explain.ts';
import type { Question } from './question.ts';

/** An explanation as lines of text. */
export function printExplanation({ request }: Question, explanation: Explanation): string[] {
  const { client, target, route, passedOver, split, complaints } = explanation;
  const labels = Object.entries(client.labels).map(([key, value]) => `${key}=${value}`);
  return [
    `${request.method} ${request.authority}${request.path}`,
    row('from', `namespace ${client.namespace}${labels.length > 0 ? `, ${labels.join(', ')}` : ''}`),
    row('target', `${target.name}:${target.port} (${target.protocol})`),
    row('route', routeLine(explanation)),
    ...passedOver.map((each, at) => row(at === 0 ? 'passed over' : '', routeName(each))),
    ...(route ? [row('timeouts', timeoutsLine(route.timeouts)), row('retry', retryLine(route.retry))] : []),
    ...(route?.retry ? [row('budget', budgetLine(explanation))] : []),
    ...filterLines(route?.filters),
    ...split.flatMap(alternativeLines),
    ...complaints.map(({ object, ...problem }, at) =>
      row(at === 0 ? 'told' : '', `${object.kind}/${object.namespace}/${object.name}: ${formatProblem(problem)}`),
    ),
  ];
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(12)} ${text}`;
}

function routeLine({ route, unmatched, target }: Explanation): string {
  if (route) return routeName(route);
  return unmatched === 'the Service itself'
    ? `none takes it: it goes to ${target.name} itself`
    : `none takes it: ${unmatched}`;
}

function routeName({ name, origin, field, place }: RouteName): string {
  const called = name === '' ? 'without a name' : `"${name}"`;
  return [called, 'of', origin, field, place && `(${place})`].filter((part) => part !== '').join(' ');
}

function timeoutsLine({ headMs, requestMs, responseMs, idleMs }: Timeouts): string {
  const said = [
    headMs && `until the answer's head ${headMs} ms`,
    requestMs && `the whole request ${requestMs} ms`,
    responseMs && `the answer ${responseMs} ms`,
    idleMs && `without an octet ${idleMs} ms`,
  ].filter(Boolean);
  return said.length > 0 ? said.join(', ') : 'none';
}

function retryLine(retry: RetryPolicy | null): string {
  if (!retry) return 'only what provably never reached the application';
  const { outcomes, statuses = [], grpc = [], headers = [] } = retry.on;
  const on = [
    ...outcomes,
    ...statuses.map(({ min, max }) => (min === max ? String(min) : `${min}-${max}`)),
    ...grpc.map((code) => `gRPC ${code}`),
    ...headers,
  ].join(', ');
  const times = retry.limit === 0 ? 'as often as the budget allows' : `up to ${retry.limit} times`;
  const each = retry.perTryMs ? `, each attempt ${retry.perTryMs} ms` : '';
  const pause = retry.backoff ? `, after up to ${retry.backoff.baseMs} ms, growing to ${retry.backoff.maxMs} ms` : '';
  return `${times} on ${on}${each}${pause}`;
}

function budgetLine({ retryBudget: { ratio, minPerSecond, windowMs } }: Explanation): string {
  return `${ratio * 100} % of the requests of ${windowMs / 1000} s, and ${minPerSecond} a second`;
}

function filterLines(filters: Filters | undefined): string[] {
  return Object.entries(filters ?? {}).map(([name, filter], at) =>
    row(at === 0 ? 'filters' : '', `${name} ${JSON.stringify(filter)}`),
  );
}

function alternativeLines({ backend, share, filters, policy, endpoints }: ExplainedAlternative, at: number): string[] {
  const { whenEmpty, ...rest } = policy;
  return [
    row(at === 0 ? 'goes to' : '', `${Math.round(share * 10_000) / 100} % ${backend}`),
    ...Object.entries(filters ?? {}).map(([name, filter]) => row('', `  ${name} ${JSON.stringify(filter)}`)),
    ...Object.entries(rest).map(([name, value]) => row('', `  ${name} ${JSON.stringify(value)}`)),
    ...endpoints.map(({ address, pod, identity, locality, inbound }) => {
      const who = identity ? `mutual TLS with ${identity}` : 'in the clear';
      const guard = inbound ? `; lets in ${inbound.mode} (${inbound.origin})` : '';
      const limit = inbound?.rateLimit ? `; ${limitText(inbound.rateLimit)}` : '';
      return row('', `  ${[address, pod, locality].filter((part) => part !== '').join(' ')} ${who}${guard}${limit}`);
    }),
    ...(endpoints.length === 0 ? [row('', `  no endpoint: ${emptyLine(whenEmpty)}`)] : []),
  ];
}

function limitText({ totalPerSecond, identityPerSecond, overrides = [], origin }: RateLimit): string {
  const bounds = [
    totalPerSecond && `${totalPerSecond} of all clients`,
    identityPerSecond && `${identityPerSecond} of each`,
    ...overrides.map(({ perSecond, clients }) => `${perSecond} of ${clients.join(' and ')}`),
  ].filter(Boolean);
  return `takes, a second, ${bounds.join(', ')} (${origin})`;
}

function emptyLine(whenEmpty: 500 | 503 | undefined): string {
  return whenEmpty ? `${whenEmpty} at once` : 'requests wait 3 s for one, then get 504 fail_fast';
}
