import t from 'tap';

import { UsageError } from '../command.ts';
import { install } from './install.ts';

/** What the command prints, as objects. */
// biome-ignore lint/suspicious/noExplicitAny: Kubernetes' objects
async function printed(t: { capture: typeof import('tap').t.capture }, ...args: string[]): Promise<any[]> {
  const written = t.capture(process.stdout, 'write', () => true);
  await install.run([...args, '-o', 'json']);
  return JSON.parse(
    written()
      .map(({ args: [text] }) => text)
      .join(''),
  ).items;
}

t.test('follows the words of the meshes that are named', async (t) => {
  const objects = await printed(t, '--label-families', 'weft,linkerd');
  const injector = objects.find(({ kind }) => kind === 'MutatingWebhookConfiguration');
  t.notMatch(JSON.stringify(injector), 'istio');
  t.match(JSON.stringify(injector), 'linkerd.io/inject');
  const webhook = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'weft-webhook');
  t.match(webhook.spec.template.spec.containers[0].env, [
    ...Array(5).fill({}),
    { name: 'WEFT_WEBHOOK_ISTIO', value: 'disabled' },
  ]);
});

t.test('refuses a family that does not exist, and to leave out its own', async (t) => {
  for (const families of ['weft,consul', 'istio', '']) {
    await t.rejects(install.run(['--label-families', families]), UsageError, families);
  }
});
