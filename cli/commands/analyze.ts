import { oneOf } from '../../core/config/setting-kinds.ts';
import { analyze as analyzeState } from '../analyze/analyze.ts';
import { type Finding, formatFinding } from '../analyze/finding.ts';
import type { Command } from '../command.ts';
import { readArguments, readValue } from '../command-line.ts';
import { findObjects } from '../state/find-objects.ts';
import { MeshState } from '../state/mesh-state.ts';
import { LABEL } from '../value-kinds.ts';

/** `weft analyze`. */
export const analyze: Command = {
  name: 'analyze',
  summary: 'say what is wrong with manifests, or with what a cluster has',
  help: `usage: weft analyze [-f PATH]... [-n NAMESPACE] [-o json]

Reads manifests, or without -f the cluster of KUBECONFIG, translates them as the control plane does for every client
that may see them differently, and prints what it finds, one finding a line:

  PATH:LINE: error|warning: KIND/NAMESPACE/NAME: FIELD: MESSAGE

  read       a file or an object that cannot be read, as a whole or in part, that no cluster serves in this version,
             or that stands twice; a route that no request can match
  together   what shows only together: an object that another keeps from deciding, a backend that is not there
  not_read   an object of a mesh API whose kind Weft does not read, and what it would have done; an error where its
             author relies on it for security; a mesh API that was probably misspelt
  injection  what namespaces, workloads and Services ask of injection that the webhook refuses, or that has no effect
             where it is written
  unused     an object without the Service that it is about
  retry      a retry rule that may repeat a POST or PATCH after the application has carried it out

What is not among the manifests counts as absent. Exit code 0: nothing, or worth a warning at most; 1: an error.

  -f, --filename PATH   a file, a folder with those below it, or - for standard input; repeatable
  -n, --namespace NAME  only findings about objects of this namespace, and about what belongs to none
  -o json               print [{"severity", "check", "object": {"kind", "namespace", "name"}|null, "place", "field",
                        "message"}]; check is one of the names above
`,
  async run(args) {
    const { values } = readArguments('analyze', args, {
      filename: { type: 'string', short: 'f', multiple: true, default: [] },
      namespace: { type: 'string', short: 'n' },
      output: { type: 'string', short: 'o', default: 'text' },
    });
    const { filename, namespace } = values;
    const output = readValue('-o', values.output, oneOf(['text', 'json']));
    if (namespace !== undefined) readValue('-n', namespace, LABEL);
    const findings = analyzeState(new MeshState(await findObjects(filename))).filter(
      ({ object }) => !namespace || !object || object.namespace === '' || object.namespace === namespace,
    );
    const lines =
      output === 'json' ? [JSON.stringify(findings, null, 2)] : [...findings.map(formatFinding), sum(findings)];
    process.stdout.write(`${lines.join('\n')}\n`);
    return findings.some(({ severity }) => severity === 'error') ? 1 : 0;
  },
};

function sum(findings: readonly Finding[]): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
  return `${count(errors, 'error')}, ${count(findings.length - errors, 'warning')}`;
}
