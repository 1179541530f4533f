import type { Manifest } from './settings.ts';

/** Recursive matches are as deep as the schema goes; deeper ones are checked by the validating webhook alone. */
const DEPTH = 3;

/**
 * ServiceProfile, `linkerd.io/v1alpha2`: the group of Linkerd's, so that its manifests apply unchanged. Printed only
 * where the cluster has none, never changed and never deleted.
 */
export function serviceProfileCrd(): Manifest {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'serviceprofiles.linkerd.io' },
    spec: {
      group: 'linkerd.io',
      scope: 'Namespaced',
      names: { kind: 'ServiceProfile', plural: 'serviceprofiles', singular: 'serviceprofile', shortNames: ['sp'] },
      versions: ['v1alpha1', 'v1alpha2'].map((name) => ({
        name,
        served: true,
        storage: name === 'v1alpha2',
        schema: { openAPIV3Schema: schema() },
      })),
    },
  };
}

function schema(): unknown {
  const responseClass = {
    type: 'object',
    required: ['condition'],
    properties: { condition: responseMatch(DEPTH), isFailure: { type: 'boolean' } },
  };
  return {
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: {
        type: 'object',
        properties: {
          routes: {
            type: 'array',
            items: {
              type: 'object',
              required: ['name', 'condition'],
              properties: {
                name: { type: 'string' },
                timeout: { type: 'string' },
                isRetryable: { type: 'boolean' },
                condition: requestMatch(DEPTH),
                responseClasses: { type: 'array', items: responseClass },
              },
            },
          },
          retryBudget: {
            type: 'object',
            required: ['retryRatio', 'minRetriesPerSecond', 'ttl'],
            properties: {
              retryRatio: { type: 'number', minimum: 0 },
              minRetriesPerSecond: { type: 'integer', minimum: 0 },
              ttl: { type: 'string' },
            },
          },
          dstOverrides: {
            type: 'array',
            items: {
              type: 'object',
              required: ['authority', 'weight'],
              properties: { authority: { type: 'string' }, weight: { 'x-kubernetes-int-or-string': true } },
            },
          },
          opaquePorts: { type: 'array', items: { type: 'string' } },
        },
      },
    },
  };
}

function requestMatch(depth: number): unknown {
  return {
    type: 'object',
    minProperties: 1,
    properties: { pathRegex: { type: 'string' }, method: { type: 'string' }, ...combinations(depth, requestMatch) },
  };
}

function responseMatch(depth: number): unknown {
  const bound = { type: 'integer', minimum: 100, maximum: 599 };
  return {
    type: 'object',
    minProperties: 1,
    properties: {
      status: { type: 'object', minProperties: 1, properties: { min: bound, max: bound } },
      ...combinations(depth, responseMatch),
    },
  };
}

function combinations(depth: number, match: (depth: number) => unknown): Record<string, unknown> {
  const inner = depth > 1 ? match(depth - 1) : { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return { all: { type: 'array', items: inner }, any: { type: 'array', items: inner }, not: inner };
}
