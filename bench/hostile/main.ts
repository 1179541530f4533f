/** What hostile peers do: crowds at every listener, single connections at the proxy's data path, values made up for labels. */
import { ALLOWED, ATTACKS } from '../../test/support/hostile-client.ts';

await import('./listeners.ts');
const only = process.env.ONLY ?? '';
if ([...ATTACKS, ...ALLOWED].some(({ name }) => name.includes(only))) await import('./attacks.ts');
if ('labels'.includes(only)) await import('./labels.ts');
