/** Tunnels end in every order, many at a time: the short form of test/long's. */
import t from 'tap';

import { manyTunnelsTests } from '../support/many-tunnels.ts';

t.setTimeout(600_000);
manyTunnelsTests(t, 600, 2);
