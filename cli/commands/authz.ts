import { oneOf } from '../../core/config/setting-kinds.ts';
import { accessOf } from '../authz/access-rows.ts';
import { printAccess } from '../authz/print-access.ts';
import { type Command, UsageError } from '../command.ts';
import { readArguments, readValue } from '../command-line.ts';
import { findObjects } from '../state/find-objects.ts';
import { MeshState } from '../state/mesh-state.ts';
import { parseWorkload, podsOf, WORKLOAD_FORMS } from '../state/workload.ts';
import { LABEL } from '../value-kinds.ts';

/** `weft authz`. */
export const authz: Command = {
  name: 'authz',
  summary: 'say who may use a workload, and which objects say so',
  help: `usage: weft authz WORKLOAD [-n NAMESPACE] [-f PATH]... [-o json]

Prints, for each port of a workload's pods, whom its proxies let in and for what, with the object and field that says so,
whichever mesh's words it is written in. It is the code of the control plane that answers, on files or on the cluster of
KUBECONFIG; without pods, on the template of a Deployment.

  weft authz deploy/api -n shop

  PORT     *: every port; other: every one that has no rows of its own
  EFFECT   default      whom the port lets in of itself
           allow        a rule that lets in. Of one port: it, or the port's default, is enough. Of every port (*): one of
                        the rules of that mesh's objects has to take the client as well
           deny         a rule that refuses, whatever lets in
           require      an identity; connections without one are reset
           404          requests that are of none of the port's routes
           audit, would deny, would allow   counted, and enforced by nobody
  BY       the object, the field in it, and the file and line where it was read

\`weft why\` says what becomes of one request.

  -n, --namespace NAME  namespace of the workload; default: default
  -f, --filename PATH   a file, a folder with those below it, or - for standard input; repeatable
  -o json               print [{"pods", "rows": [{"port"|"other"|null, "route"|null, "effect", "who", "origin", "field", "place"}]}]
`,
  async run(args) {
    const { values, positionals } = readArguments(
      'authz',
      args,
      {
        namespace: { type: 'string', short: 'n', default: 'default' },
        filename: { type: 'string', short: 'f', multiple: true, default: [] },
        output: { type: 'string', short: 'o', default: 'text' },
      },
      ['WORKLOAD'],
    );
    const output = readValue('-o', values.output, oneOf(['text', 'json']));
    const namespace = readValue('-n', values.namespace, LABEL);
    const workload = parseWorkload(positionals[0]!, namespace);
    if (!workload) throw new UsageError(`"${positionals[0]}" is no workload`, `write ${WORKLOAD_FORMS}`);
    const state = new MeshState(await findObjects(values.filename));
    const access = accessOf(state, podsOf(state, workload, positionals[0]!));
    const lines = output === 'json' ? [JSON.stringify(access, null, 2)] : printAccess(access);
    process.stdout.write(`${lines.join('\n')}\n`);
    return 0;
  },
};
