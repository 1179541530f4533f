/** What the downward API tells of a pod. */
export interface PodFacts {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly ips: readonly [string, ...string[]];
  /** Address of its node. */
  readonly hostIp: string;
}

/** An entry of a container's `env`. */
export interface EnvEntry {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath?: string } };
}

/**
 * The environment that a container's `env` means, with fields of its pod and `$(NAME)` filled in. An entry that cannot be
 * honoured is left out and complained of.
 *
 * Source: https://kubernetes.io/docs/tasks/inject-data-application/environment-variable-expose-pod-information/
 */
export function containerEnvironment(
  entries: readonly EnvEntry[],
  pod: PodFacts,
  complain: (name: string, problem: string) => void,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const { name, value, valueFrom } of entries) {
    if (valueFrom === undefined) {
      environment[name] = expand(value ?? '', environment);
      continue;
    }
    const path = valueFrom.fieldRef?.fieldPath;
    const field = path === undefined ? null : fieldOf(path, pod);
    if (field !== null) environment[name] = field;
    else if (path === undefined) complain(name, 'valueFrom has no effect here, except for a fieldRef');
    else complain(name, `there is no field ${path}`);
  }
  return environment;
}

/** Fills in `$(NAME)` where the name is known; `$$(NAME)` stands for the text itself. */
export function expand(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^()]*)\)/g, (match, name?: string) =>
    match === '$$' ? '$' : (environment[name!] ?? match),
  );
}

function fieldOf(path: string, pod: PodFacts): string | null {
  const keyed = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (keyed) return pod[keyed[1] as 'labels' | 'annotations'][keyed[2]!] ?? '';
  switch (path) {
    case 'metadata.name':
      return pod.name;
    case 'metadata.namespace':
      return pod.namespace;
    case 'metadata.uid':
      return pod.uid;
    case 'spec.serviceAccountName':
      return pod.serviceAccount;
    case 'spec.nodeName':
      return NODE_NAME;
    case 'status.podIP':
      return pod.ips[0];
    case 'status.podIPs':
      return pod.ips.join(',');
    case 'status.hostIP':
    case 'status.hostIPs':
      return pod.hostIp;
    default:
      return null;
  }
}

/** The one node of a local mesh. */
export const NODE_NAME = 'local';
