import { FieldReader } from '../field-reader.ts';
import type { Fields } from '../json.ts';
import { type LabelSelector, readLabelSelector } from '../label-selector.ts';
import { type Meta, readMeta } from '../meta.ts';
import { type Problem, refuseErrors } from '../problem.ts';
import { identityFault } from './mesh-tls-authentication.ts';
import { type Network, readNetworks } from './network-authentication.ts';

/** Lets clients into Servers of its namespace. */
export interface ServerAuthorization extends Meta {
  /** By name, or by labels. */
  readonly server: { readonly name: string } | { readonly selector: LabelSelector };
  /** Empty: wherever they are. */
  readonly networks: readonly Network[];
  /** What they have to prove: nothing; that they are of the mesh, `anyone`; or to be one of these. */
  readonly proves: 'nothing' | 'anyone' | ProvedClients;
}

/** Named clients, any of them. */
export interface ProvedClients {
  /** DNS identities, `*` for any and `*.suffix` for those that end so. */
  readonly identities: readonly string[];
  readonly accounts: readonly { readonly namespace: string; readonly name: string }[];
}

/**
 * Reads a ServerAuthorization.
 *
 * @throws MalformedObject
 * @see https://linkerd.io/2/reference/authorization-policy/#serverauthorization
 */
export function readServerAuthorization(raw: Fields, problems: Problem[]): ServerAuthorization {
  const meta = readMeta(raw);
  const found: Problem[] = [];
  const reader = FieldReader.ofSpec(raw, found);
  reader.allow(['server', 'client']);
  const server = reader.nested('server');
  server?.allow(['name', 'selector']);
  const selector = server?.nested('selector') ?? null;
  if (!server || server.has('name') === server.has('selector'))
    reader.problem('server', 'has to have one of name and selector');
  const client = reader.nested('client');
  if (!client) reader.problem('client', 'is missing');
  client?.allow(['networks', 'unauthenticated', 'meshTLS']);
  const authorization: ServerAuthorization = {
    ...meta,
    server: selector ? { selector: readLabelSelector(selector) } : { name: server?.optionalText('name') ?? '' },
    networks: client ? readNetworks(client) : [],
    proves: client ? readProves(client, meta.namespace) : 'anyone',
  };
  refuseErrors(found, problems);
  return authorization;
}

function readProves(client: FieldReader, home: string): ServerAuthorization['proves'] {
  const tls = client.nested('meshTLS');
  const isUnauthenticated = client.flag('unauthenticated');
  if (isUnauthenticated === (tls !== null)) {
    client.problem('', 'has to have one of unauthenticated: true and meshTLS');
    return 'anyone';
  }
  if (!tls) return 'nothing';
  tls.allow(['unauthenticatedTLS', 'identities', 'serviceAccounts']);
  if (tls.flag('unauthenticatedTLS')) {
    tls.warning('unauthenticatedTLS', 'asks for an identity here: there is no TLS between proxies without one');
    return 'anyone';
  }
  const identities = tls.texts('identities', identityFault);
  const accounts = tls.nestedList('serviceAccounts').map((entry) => {
    entry.allow(['name', 'namespace']);
    return { namespace: entry.optionalText('namespace') ?? home, name: entry.text('name') ?? '' };
  });
  if (identities.length + accounts.length === 0) tls.problem('', 'names nobody');
  return { identities, accounts };
}
