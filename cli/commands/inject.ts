import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { INJECT } from '../../api/names.ts';
import { toYaml } from '../../manifests/render.ts';
import { DEFAULT_INSTALL_SETTINGS } from '../../manifests/settings.ts';
import { inject as injectPod } from '../../webhook/inject/inject.ts';
import { askingNamespace } from '../../webhook/inject/namespace-facts.ts';
import { DEFAULT_INJECT_SETTINGS } from '../../webhook/inject/settings.ts';
import { type Command, UsageError } from '../command.ts';

/** `weft inject FILE`. */
export const inject: Command = {
  name: 'inject',
  summary: 'add the proxy to manifests: kubectl get deploy web -o yaml | weft inject - | kubectl apply -f -',
  help: `usage: weft inject FILE|- [--manual] [--image IMAGE]

Reads manifests and prints them with their pods enabled for injection: the pod template gets the label
${INJECT}: enabled, and the webhook does the rest when pods are created. Other objects pass unchanged; what was
done is told on standard error.

  --manual       add the containers here and now, by the webhook's own function
  --image IMAGE  image of the proxy, with --manual (${DEFAULT_INSTALL_SETTINGS.image})
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        manual: { type: 'boolean', default: false },
        image: { type: 'string', default: DEFAULT_INSTALL_SETTINGS.image },
      },
    });
    if (positionals.length !== 1)
      throw new UsageError('weft inject wants one file, or - for standard input', 'weft inject --help explains it');
    const text = readFileSync(positionals[0] === '-' ? 0 : positionals[0]!, 'utf8');
    let failed = false;
    const objects = parseAllDocuments(text).flatMap((document) => {
      if (document.errors.length > 0)
        throw new UsageError(
          `line ${document.errors[0]!.linePos?.[0].line}: ${document.errors[0]!.message.split('\n')[0]}`,
        );
      const object = document.toJS() as Json | null;
      if (object === null) return [];
      const items = object.kind === 'List' ? ((object.items ?? []) as Json[]) : [object];
      return items.map((item) => {
        const done = values.manual ? withProxy(item, values.image) : enabled(item);
        process.stderr.write(
          `${String(item.kind).toLowerCase()} "${(item.metadata as Json | undefined)?.name}": ${done.report}\n`,
        );
        failed ||= done.failed;
        return done.object;
      });
    });
    if (failed) return 1;
    process.stdout.write(toYaml(objects));
    return 0;
  },
};

interface Json {
  readonly [field: string]: unknown;
}

interface Done {
  readonly object: Json;
  readonly report: string;
  readonly failed: boolean;
}

/** Where a kind keeps its pod template, as a path of fields; an empty one: it is the pod. */
const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
};

function enabled(object: Json): Done {
  const path = TEMPLATES[String(object.kind)];
  if (!path) return { object, report: 'unchanged, it has no pods', failed: false };
  return {
    object: change(object, path, (template) => {
      const metadata = (template.metadata ?? {}) as Json;
      return {
        ...template,
        metadata: { ...metadata, labels: { ...(metadata.labels as Json | undefined), [INJECT]: 'enabled' } },
      };
    }),
    report: 'enabled for injection',
    failed: false,
  };
}

function withProxy(object: Json, image: string): Done {
  const path = TEMPLATES[String(object.kind)];
  if (!path) return { object, report: 'unchanged, it has no pods', failed: false };
  let report = '';
  let failed = false;
  const changed = change(object, path, (template) => {
    const injection = injectPod(
      template,
      askingNamespace(String((object.metadata as Json | undefined)?.namespace ?? 'default')),
      {
        ...DEFAULT_INJECT_SETTINGS,
        image,
      },
    );
    if (injection.outcome === 'inject') {
      report = ['injected', ...injection.warnings].join('; ');
      return injection.pod as unknown as Json;
    }
    failed = injection.outcome === 'refuse';
    report = `${failed ? 'refused' : 'skipped'}: ${injection.message} (${injection.reason})`;
    return template;
  });
  return { object: changed, report, failed };
}

function change(object: Json, path: readonly string[], with_: (template: Json) => Json): Json {
  const [field, ...rest] = path;
  return field === undefined
    ? with_(object)
    : { ...object, [field]: change((object[field] ?? {}) as Json, rest, with_) };
}
