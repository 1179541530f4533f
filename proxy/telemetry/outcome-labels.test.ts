import t from 'tap';

import { grpcStatus, outcomeLabels, statusLabel } from './outcome-labels.ts';

t.test('a status that is known is told as it is, any other as its class', async (t) => {
  for (const status of [0, 101, 200, 204, 404, 429, 499, 503, 520]) t.equal(statusLabel(status), String(status));
  t.same([299, 430, 555, 600, 999, 199, 1].map(statusLabel), ['200', '400', '500', '600', '900', '100', '0']);
});

t.test('so that servers cannot make up many', async (t) => {
  const labels = new Set(Array.from({ length: 1000 }, (_, status) => statusLabel(status)));
  t.ok(labels.size < 100, `${labels.size} of 1000`);
});

t.test('a gRPC status is one of gRPC’s', async (t) => {
  for (let code = 0; code <= 16; code++) t.equal(grpcStatus(String(code)), String(code));
  for (const said of ['17', '-1', '007', '1.0', 'OK', ' 0', '9'.repeat(1000)]) t.equal(grpcStatus(said), '2', said);
  t.equal(grpcStatus(null), '');
  t.equal(grpcStatus(''), '');
});

t.test('a gRPC status is told of the answers that gRPC has', async (t) => {
  t.same(outcomeLabels(200, false, '14', ''), { status_code: '200', classification: 'failure', grpc_status: '14' });
  t.same(outcomeLabels(503, false, '14', 'overflow'), {
    status_code: '503',
    classification: 'failure',
    error: 'overflow',
  });
});
