/** Both measurements of hostile peers: crowds at every listener, then single connections at the proxy's data path. */
import { ALLOWED, ATTACKS } from '../../test/support/hostile-client.ts';

await import('./listeners.ts');
const only = process.env.ONLY ?? '';
if ([...ATTACKS, ...ALLOWED].some(({ name }) => name.includes(only))) await import('./attacks.ts');
