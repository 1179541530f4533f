/** A server's memory does not depend on how many connections it has had. */
import t from 'tap';

import { connectionMemoryTests } from '../support/measured-server.ts';

t.setTimeout(3_600_000);
connectionMemoryTests(t, 20_000, 2_000);
