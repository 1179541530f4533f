import type { AccessRoute } from '../../api/access-policy.ts';
import type { CallerEntry } from '../../api/callers-page.ts';
import type { InboundConfig, InboundPort } from '../../api/routing.ts';
import { IpNetworks } from '../../core/config/ip-networks.ts';
import { Access } from '../../proxy/access/access.ts';
import { attributesOf } from '../../proxy/access/client-attributes.ts';
import { PortAccess } from '../../proxy/access/port-access.ts';
import { type Verdict, verdictOf } from '../../proxy/access/verdict.ts';
import { accessByMethod, rulesByMethod, takesMethod } from './known-method.ts';

/** What would become of a caller that has been seen. */
export interface CallerVerdict {
  /** `unknown`: it depends on what proxies do not keep, as paths and headers. */
  readonly verdict: 'allowed' | 'denied' | 'unknown';
  /** What decides, `AuthorizationPolicy/shop/api spec.rules[0]` or a policy's mode; empty: it is not known. */
  readonly by: string;
  /** Why it is refused, in a sentence; empty: it is not. */
  readonly why: string;
}

/** Judges a caller by what a pod would enforce, with all that is kept of it: no more than its method is known of a request. Pure. */
export function judgeCaller(config: InboundConfig, caller: CallerEntry): CallerVerdict {
  if (caller.isProbe) return { verdict: 'allowed', by: 'probe', why: '' };
  const { ports, defaultPolicy } = config;
  const port = ports.find((each) => each.port === caller.port) ?? {
    port: caller.port,
    protocol: 'detect',
    policy: defaultPolicy,
    routes: {},
  };
  const verdicts = possiblePorts(port, caller).map((each) =>
    each === null ? NO_ROUTE : verdictAt(config, each, caller),
  );
  const [first, ...rest] = verdicts;
  const isSame = rest.every(({ verdict }) => verdict === first!.verdict);
  return isSame ? first! : { verdict: 'unknown', by: '', why: '' };
}

/** What the port may be to a request whose path is not known: of each of the routes that may take it, or of none (null). */
function possiblePorts(port: InboundPort, { carried, method, isLocal }: CallerEntry): (InboundPort | null)[] {
  const { accessRoutes } = port;
  if (!accessRoutes || carried === 'octets' || isLocal) return [port];
  const possible: (InboundPort | null)[] = [];
  for (const route of accessRoutes) {
    const taken = takesMethod(route.when, method);
    if (taken === false) continue;
    possible.push({ ...port, accessRoutes: [{ ...route, when: EVERYTHING }] });
    if (taken) return possible;
  }
  return [...possible, null];
}

function verdictAt(config: InboundConfig, port: InboundPort, caller: CallerEntry): CallerVerdict {
  const { method, identity, spiffe, address, isLocal, carried } = caller;
  const isHttp = carried === 'http';
  const ofRequest = {
    ...port,
    authorizations: rulesByMethod(port.authorizations ?? [], method),
    ...(port.accessRoutes && {
      accessRoutes: port.accessRoutes.map((route) => ({
        ...route,
        authorizations: rulesByMethod(route.authorizations, method),
      })),
    }),
  };
  const demands = {
    policy: port.policy,
    port: new PortAccess(isHttp ? ofRequest : port),
    pod: new Access(config.access && isHttp ? accessByMethod(config.access, method) : config.access),
    networks: new IpNetworks(config.clusterNetworks),
  };
  const facts = {
    client: attributesOf({ identity, spiffe }),
    // Pods come and go: of one that has an identity it is not kept.
    address: identity === '' ? address : null,
    port: port.port,
    serverName: isHttp ? '' : null,
    request: null,
  };
  return told(verdictOf(demands, { identity, isLocal, facts }, isHttp ? 'requests' : 'octets'));
}

function told({ verdict, decider, why }: Verdict): CallerVerdict {
  if (verdict === 'unknown') return { verdict, by: '', why: '' };
  const by =
    decider.kind === 'object'
      ? [decider.origin, decider.path ?? ''].join(' ').trim()
      : decider.kind === 'policy'
        ? decider.mode
        : 'no rule';
  return { verdict, by, why: verdict === 'denied' ? why : '' };
}

const EVERYTHING: AccessRoute['when'] = { all: [] };
const NO_ROUTE: CallerVerdict = { verdict: 'denied', by: 'no route', why: 'no route of the port takes its method' };
