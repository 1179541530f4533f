import { oneOf } from '../../core/config/setting-kinds.ts';
import type { Command } from '../command.ts';
import { readArguments, readValue } from '../command-line.ts';
import { findObjects } from '../state/find-objects.ts';
import { MeshState } from '../state/mesh-state.ts';
import { LABEL } from '../value-kinds.ts';
import { explain } from '../why/explain.ts';
import { printExplanation } from '../why/print.ts';
import { parseQuestion } from '../why/question.ts';

/** `weft why`. */
export const why: Command = {
  name: 'why',
  summary: 'say which objects decide what becomes of a request',
  help: `usage: weft why METHOD URL [-H 'NAME: VALUE']... [--from WORKLOAD] [-n NAMESPACE] [-f PATH]... [-o json]

Prints which object and field decides the route of a request, its timeouts, retries and split, the endpoints with the
identity that each must prove, which routes were passed over, and which objects do not decide although they ask to. It is
the code of the control plane and of the proxy that answers, on files or on the cluster of KUBECONFIG.

An https: URL, or a port that is declared to carry bytes, is not routed as HTTP: it prints which rule for connections
takes it by its server name, and which objects have no effect because they are about HTTP requests.

Of the proxies that receive it, it prints what they do, pods that decide alike together: the policy that lets it in or
refuses it, the route that they count it under, and the rate limit that bounds it. Files that have no endpoints are read
as if the pods and Deployments that the Service selects had a proxy.

  weft why GET http://api.default:8080/users -H 'x-user: 1' --from deploy/web -n default
  weft why GET https://db.default:9443 -H 'host: eu.db.example.com'

  -H, --header 'NAME: VALUE'  a header of the request; repeatable; host: is the authority, and with https: the server name
  --from WORKLOAD             deploy/NAME, statefulset/NAME or pod/NAME of the namespace, or ns/NAMESPACE: who sends it;
                              without it a client without labels; it has a proxy in any case
  -n, --namespace NAME        namespace of the client; default: default
  -f, --filename PATH         a file, a folder with those below it, or - for standard input; repeatable
  -o json                     print {"client", "target", "carried": "http"|"octets", "refused": REASON|null, "connection":
                              {"serverName", "route"|null, "passedOver", "withoutEffect"}|null, "route": {"name",
                              "origin", "field", "place", "timeouts", "retry", "filters"}|null, "unmatched", "passedOver",
                              "retryBudget", "split": [{"backend", "share", "filters", "policy", "endpoints", "inbound":
                              [{"pods", "port", "protocol", "route"|null, "policy", "rateLimit"|null, "refused":
                              REASON|null}]}], "complaints"}; durations in milliseconds
`,
  async run(args) {
    const { values, positionals } = readArguments(
      'why',
      args,
      {
        header: { type: 'string', short: 'H', multiple: true, default: [] },
        from: { type: 'string', default: '' },
        namespace: { type: 'string', short: 'n', default: 'default' },
        filename: { type: 'string', short: 'f', multiple: true, default: [] },
        output: { type: 'string', short: 'o', default: 'text' },
      },
      ['METHOD', 'URL'],
    );
    const output = readValue('-o', values.output, oneOf(['text', 'json']));
    const namespace = readValue('-n', values.namespace, LABEL);
    const question = parseQuestion(positionals[0]!, positionals[1]!, values.header, values.from, namespace);
    const explanation = explain(new MeshState(await findObjects(values.filename)), question);
    const lines = output === 'json' ? [JSON.stringify(explanation, null, 2)] : printExplanation(question, explanation);
    process.stdout.write(`${lines.join('\n')}\n`);
    return 0;
  },
};
