/** A server's memory does not depend on how many connections it has had: the short form of test/long's. */
import t from 'tap';

import { connectionMemoryTests } from '../support/measured-server.ts';

connectionMemoryTests(t, 2_000, 1_000);
