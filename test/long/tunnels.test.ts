/** Tunnels end in every order, many at a time, and leave nothing behind. */
import t from 'tap';

import { manyTunnelsTests } from '../support/many-tunnels.ts';

t.setTimeout(3_600_000);
manyTunnelsTests(t, 10_000, 10);
