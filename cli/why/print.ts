import type { Filters } from '../../api/filters.ts';
import type { RetryPolicy, Timeouts } from '../../api/routing.ts';
import { formatRef } from '../../destination/objects/object-ref.ts';
import { formatProblem } from '../../destination/objects/problem.ts';
import type { ExplainedAlternative } from './alternative.ts';
import type { ConnectionRouteName, ExplainedConnection } from './connection.ts';
import type { Explanation } from './explain.ts';
import { inboundLines } from './print-inbound.ts';
import { routeName, withPlace } from './print-route.ts';
import type { Question } from './question.ts';

/** An explanation as lines of text. */
export function printExplanation({ request }: Question, explanation: Explanation): string[] {
  const { client, target, connection, split, complaints } = explanation;
  const labels = Object.entries(client.labels).map(([key, value]) => `${key}=${value}`);
  return [
    `${request.method} ${request.scheme === 'https' ? 'https://' : ''}${request.authority}${request.path}`,
    row('from', `namespace ${client.namespace}${labels.length > 0 ? `, ${labels.join(', ')}` : ''}`),
    row('target', targetLine(target)),
    ...(connection ? connectionLines(connection, explanation) : requestLines(explanation)),
    ...split.flatMap((alternative, at) => alternativeLines(alternative, at, connection !== null)),
    ...complaints.map(({ object, ...problem }, at) =>
      row(at === 0 ? 'told' : '', `${formatRef(object)}: ${formatProblem(problem)}`),
    ),
  ];
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(12)} ${text}`;
}

function targetLine({ name, port, protocol, protocolRule, protocolPlace }: Explanation['target']): string {
  const by = protocolRule === 'default' ? [] : ['by', protocolRule];
  return `${name}:${port} (${withPlace([protocol, ...by], protocolPlace)})`;
}

function requestLines(explanation: Explanation): string[] {
  const { route, passedOver, refused } = explanation;
  if (refused) return [row('refused', `${refused}: it is TLS, and the port is declared as HTTP`)];
  return [
    row('route', routeLine(explanation)),
    ...passedOver.map((each, at) => row(at === 0 ? 'passed over' : '', routeName(each))),
    ...(route ? [row('timeouts', timeoutsLine(route.timeouts)), row('retry', retryLine(route.retry))] : []),
    ...(route?.retry ? [row('budget', budgetLine(explanation))] : []),
    ...filterLines(route?.filters),
  ];
}

function connectionLines(connection: ExplainedConnection, { target }: Explanation): string[] {
  const { serverName, route, passedOver, withoutEffect } = connection;
  const named = serverName === '' ? '' : `, TLS for ${serverName}`;
  const objects = new Map(withoutEffect.map((each) => [each.origin, each.place]));
  return [
    row('carried', `as bytes${named}: the proxy reads no request`),
    row('connection', route ? connectionRouteName(route) : `no route takes it: it goes to ${target.name} itself`),
    ...passedOver.map((each, at) => row(at === 0 ? 'passed over' : '', connectionRouteName(each))),
    ...[...objects].map(([origin, place], at) =>
      row(at === 0 ? 'no effect' : '', `${withPlace([origin], place)}: its rules are for HTTP requests`),
    ),
  ];
}

function connectionRouteName({ origin, field, place, sni }: ConnectionRouteName): string {
  return `${withPlace([origin, field], place)} takes ${sni ? `TLS for ${sni.join(', ')}` : 'every connection'}`;
}

function routeLine({ route, unmatched, target }: Explanation): string {
  if (route) return routeName(route);
  return unmatched === 'the Service itself'
    ? `none takes it: it goes to ${target.name} itself`
    : `none takes it: ${unmatched}`;
}

function timeoutsLine({ headMs, requestMs, responseMs, idleMs }: Timeouts): string {
  const said = [
    headMs && `until the answer's head ${headMs} ms`,
    requestMs && `the whole request ${requestMs} ms`,
    responseMs && `the answer ${responseMs} ms`,
    idleMs && `without a byte ${idleMs} ms`,
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

function alternativeLines(alternative: ExplainedAlternative, at: number, isConnection: boolean): string[] {
  const { backend, share, filters, policy, endpoints, inbound } = alternative;
  const { whenEmpty, ...rest } = policy;
  return [
    row(at === 0 ? 'goes to' : '', `${Math.round(share * 10_000) / 100} % ${backend}`),
    ...Object.entries(filters ?? {}).map(([name, filter]) => row('', `  ${name} ${JSON.stringify(filter)}`)),
    ...Object.entries(rest).map(([name, value]) => row('', `  ${name} ${JSON.stringify(value)}`)),
    ...endpoints.map(({ address, pod, identity, locality, inbound }) => {
      const who = identity ? `mutual TLS with ${identity}` : 'in the clear';
      const guard = inbound ? `; lets in ${inbound.mode} (${inbound.origin})` : '';
      return row('', `  ${[address, pod, locality].filter((part) => part !== '').join(' ')} ${who}${guard}`);
    }),
    ...(endpoints.length === 0 ? [row('', `  no endpoint: ${isConnection ? CLOSED : emptyLine(whenEmpty)}`)] : []),
    ...(endpoints.length === 0 && inbound.length > 0
      ? [row('', '  of the pods that would be endpoints, with a proxy:')]
      : []),
    ...inbound.flatMap(inboundLines).map((line) => row('', `  ${line}`)),
  ];
}

function emptyLine(whenEmpty: 500 | 503 | undefined): string {
  return whenEmpty ? `${whenEmpty} at once` : 'requests wait 3 s for one, then get 504 fail_fast';
}

const CLOSED = 'the connection is closed';
