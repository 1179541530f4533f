/** Large bodies through two proxy processes: whole, and with flat memory. 1 GiB is for `make conformance PART=interop`. */
import t from 'tap';

import { describeTransfer, MAX_GROWTH, transfers } from '../support/transfer.ts';

const OCTETS = 256 << 20;

t.test('carries large bodies both ways over both protocols with flat memory', async (t) => {
  for await (const transfer of transfers(OCTETS)) {
    t.comment(describeTransfer(transfer));
    t.equal(transfer.octets, OCTETS, transfer.name);
    t.ok(transfer.growth < MAX_GROWTH, `${transfer.name}: memory stays flat`);
  }
});
