import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { INJECT } from '../../api/names.ts';
import { DEFAULT_INSTALL_SETTINGS } from '../../manifests/settings.ts';
import { DEFAULT_INJECT_SETTINGS } from '../../webhook/inject/settings.ts';
import { type Command, UsageError } from '../command.ts';
import { injectText } from '../inject/inject-text.ts';

/** `weft inject FILE`. */
export const inject: Command = {
  name: 'inject',
  summary: 'add the proxy to manifests: kubectl get deploy web -o yaml | weft inject - | kubectl apply -f -',
  help: `usage: weft inject FILE|- [--manual] [--image IMAGE]

Reads manifests and prints them with their pods enabled for injection: the pod template gets the label
${INJECT}: enabled, and the webhook does the rest when pods are created. Whoever opted out stays out, as the webhook
would have it. All else passes as it is written, comments too; what was done is told on standard error.

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
    const injected = injectText(text, { ...DEFAULT_INJECT_SETTINGS, image: values.image }, values.manual);
    for (const report of injected.reports) process.stderr.write(`${report}\n`);
    if (injected.isRefused) return 1;
    process.stdout.write(injected.text);
    return 0;
  },
};
