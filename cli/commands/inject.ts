import { INJECT } from '../../api/names.ts';
import { DEFAULT_INSTALL_SETTINGS } from '../../manifests/settings.ts';
import { DEFAULT_INJECT_SETTINGS } from '../../webhook/inject/settings.ts';
import type { Command } from '../command.ts';
import { readArguments, readValue } from '../command-line.ts';
import { readText } from '../file-error.ts';
import { injectText } from '../inject/inject-text.ts';
import { IMAGE } from '../value-kinds.ts';

/** `weft inject FILE`. */
export const inject: Command = {
  name: 'inject',
  summary: 'add the proxy to manifests: kubectl get deploy web -o yaml | weft inject - | kubectl apply -f -',
  help: `usage: weft inject FILE|- [--manual] [--image IMAGE]

Reads manifests and prints them with their pods enabled for injection: the pod template gets the label
${INJECT}: enabled, and the webhook does the rest when pods are created. Whoever opted out stays out, as the webhook
would have it. All else passes as it is written, comments too; what was done is printed on standard error.

  --manual       add the containers here and now, by the webhook's own function
  --image IMAGE  image of the proxy, with --manual (${DEFAULT_INSTALL_SETTINGS.image})
`,
  async run(args) {
    const { values, positionals } = readArguments(
      'inject',
      args,
      {
        manual: { type: 'boolean', default: false },
        image: { type: 'string', default: DEFAULT_INSTALL_SETTINGS.image },
      },
      ['FILE, or - for standard input'],
    );
    const image = readValue('--image', values.image, IMAGE);
    const injected = injectText(readText(positionals[0]!), { ...DEFAULT_INJECT_SETTINGS, image }, values.manual);
    for (const report of injected.reports) process.stderr.write(`${report}\n`);
    if (injected.isRefused) return 1;
    process.stdout.write(injected.text);
    return 0;
  },
};
