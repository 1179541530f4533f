import type { Manifest } from './settings.ts';

/**
 * Definitions of kinds that belong to other projects, so that their manifests apply unchanged where those projects are
 * not installed. Printed only where the cluster has none, never changed and never deleted.
 *
 * Their schemas let every field through: the validating webhook reads the objects as the control plane does, and says
 * more than a schema can.
 */
export function policyCrds(): Manifest[] {
  return [
    istio('VirtualService', 'virtualservices', 'vs', [{ name: 'Hosts', type: 'string', jsonPath: '.spec.hosts' }]),
    istio('DestinationRule', 'destinationrules', 'dr', [{ name: 'Host', type: 'string', jsonPath: '.spec.host' }]),
    istio('ServiceEntry', 'serviceentries', 'se', [
      { name: 'Hosts', type: 'string', jsonPath: '.spec.hosts' },
      { name: 'Resolution', type: 'string', jsonPath: '.spec.resolution' },
    ]),
    definition(
      'security.istio.io',
      'PeerAuthentication',
      'peerauthentications',
      ['pa'],
      ['v1', 'v1beta1'],
      [{ name: 'Mode', type: 'string', jsonPath: '.spec.mtls.mode' }],
    ),
    definition(
      'security.istio.io',
      'AuthorizationPolicy',
      'authorizationpolicies',
      ['ap'],
      ['v1', 'v1beta1'],
      [{ name: 'Action', type: 'string', jsonPath: '.spec.action' }],
    ),
    definition('security.istio.io', 'RequestAuthentication', 'requestauthentications', ['ra'], ['v1', 'v1beta1'], []),
    definition(
      'split.smi-spec.io',
      'TrafficSplit',
      'trafficsplits',
      ['ts'],
      ['v1alpha4', 'v1alpha2', 'v1alpha1'],
      [{ name: 'Service', type: 'string', jsonPath: '.spec.service' }],
    ),
    definition('specs.smi-spec.io', 'HTTPRouteGroup', 'httproutegroups', ['htr'], ['v1alpha4', 'v1alpha3'], []),
    definition('specs.smi-spec.io', 'TCPRoute', 'tcproutes', ['tr'], ['v1alpha4', 'v1alpha3'], []),
    definition(
      'access.smi-spec.io',
      'TrafficTarget',
      'traffictargets',
      ['tt'],
      ['v1alpha3', 'v1alpha2'],
      [{ name: 'Destination', type: 'string', jsonPath: '.spec.destination.name' }],
    ),
    definition(
      'policy.linkerd.io',
      'Server',
      'servers',
      ['srv'],
      ['v1beta3', 'v1beta2', 'v1beta1'],
      [
        // A number, or the name of a container's port.
        { name: 'Port', type: 'string', jsonPath: '.spec.port' },
        { name: 'Protocol', type: 'string', jsonPath: '.spec.proxyProtocol' },
        { name: 'Access Policy', type: 'string', jsonPath: '.spec.accessPolicy' },
      ],
    ),
    definition(
      'policy.linkerd.io',
      'HTTPLocalRateLimitPolicy',
      'httplocalratelimitpolicies',
      [],
      ['v1alpha1'],
      [
        { name: 'Server', type: 'string', jsonPath: '.spec.targetRef.name' },
        { name: 'Total', type: 'integer', jsonPath: '.spec.total.requestsPerSecond' },
        { name: 'Identity', type: 'integer', jsonPath: '.spec.identity.requestsPerSecond' },
      ],
    ),
    definition(
      'policy.linkerd.io',
      'AuthorizationPolicy',
      'authorizationpolicies',
      ['authzpolicy'],
      ['v1alpha1'],
      [{ name: 'Target', type: 'string', jsonPath: '.spec.targetRef.name' }],
    ),
    definition(
      'policy.linkerd.io',
      'MeshTLSAuthentication',
      'meshtlsauthentications',
      ['meshtlsauthn'],
      ['v1alpha1'],
      [],
    ),
    definition('policy.linkerd.io', 'NetworkAuthentication', 'networkauthentications', ['netauthn'], ['v1alpha1'], []),
    definition(
      'policy.linkerd.io',
      'ServerAuthorization',
      'serverauthorizations',
      ['saz'],
      ['v1beta1'],
      [{ name: 'Server', type: 'string', jsonPath: '.spec.server.name' }],
    ),
  ];
}

/** A kind of Istio's networking group, which serves one schema under three names. */
function istio(kind: string, plural: string, shortName: string, columns: readonly Column[]): Manifest {
  return definition('networking.istio.io', kind, plural, [shortName], ['v1', 'v1beta1', 'v1alpha3'], columns);
}

interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer';
  readonly jsonPath: string;
}

/** @param versions the first is stored; all have one schema */
function definition(
  group: string,
  kind: string,
  plural: string,
  shortNames: readonly string[],
  versions: readonly string[],
  columns: readonly Column[],
): Manifest {
  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List`, shortNames },
      versions: versions.map((name, at) => ({
        name,
        served: true,
        storage: at === 0,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } },
        additionalPrinterColumns: [
          ...columns,
          { name: 'Accepted', type: 'string', jsonPath: '.status.conditions[?(@.type=="weft.dev/Accepted")].status' },
          { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
        ],
      })),
    },
  };
}
