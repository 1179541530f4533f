import { IDENTITY_SERVICE_ACCOUNT, TRUST_ROOTS_CONFIG_MAP } from '../api/names.ts';
import { REVOCATIONS_CONFIG_MAP } from '../api/revocations.ts';
import { clusterRights } from './rbac.ts';
import { type InstallSettings, labels, type Manifest } from './settings.ts';

const ADMISSION = 'admissionregistration.k8s.io/v1';
/** A resource that exists as a right alone: whoever may create, update or delete it may do so with trust roots. */
const RIGHT = { group: 'weft.dev', resource: 'trustroots' };

/**
 * Keeps the trust roots of every namespace in the hands of identity and of cluster administrators: whoever may write ConfigMaps
 * of a namespace could otherwise have its pods trust an authority of his own. Needs Kubernetes 1.30. The registration of the
 * webhook is exempt from admission in Kubernetes, and kept by rights alone.
 *
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/ (authorizer checks)
 */
export function trustRootsPolicy(settings: InstallSettings): Manifest[] {
  const common = labels(settings, NAME);
  return [
    {
      apiVersion: ADMISSION,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: NAME, labels: common },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: [''],
              apiVersions: ['*'],
              operations: ['CREATE', 'UPDATE', 'DELETE'],
              resources: ['configmaps'],
              resourceNames: [TRUST_ROOTS_CONFIG_MAP, REVOCATIONS_CONFIG_MAP],
            },
          ],
        },
        validations: [
          {
            expression: `authorizer.group('${RIGHT.group}').resource('${RIGHT.resource}').check(request.operation.lowerAscii()).allowed()`,
            messageExpression: `request.userInfo.username + ' may not ' + request.operation.lowerAscii() + ' ' + request.name + ', by which pods trust: it takes the right to ${RIGHT.resource}.${RIGHT.group}, which identity and cluster administrators have'`,
            reason: 'Forbidden',
          },
        ],
      },
    },
    {
      apiVersion: ADMISSION,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: NAME, labels: common },
      spec: { policyName: NAME, validationActions: ['Deny'] },
    },
    ...clusterRights(settings, NAME, IDENTITY_SERVICE_ACCOUNT, [
      { apiGroups: [RIGHT.group], resources: [RIGHT.resource], verbs: ['create', 'update'] },
    ]),
  ];
}

const NAME = 'weft-trust-roots';
