import t from 'tap';

import { answer, resetFailure } from './answers.ts';
import { CANCEL, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY, MALFORMED_ANSWER } from './http2/wire-vocabulary.ts';
import { FakeStream } from './outbound/testing/fake-endpoints.ts';

/** The gRPC status that a client is told of a request that was reset before its answer. */
function grpcStatus(code: number): string {
  const stream = new FakeStream();
  answer(stream, resetFailure('endpoint_reset', 'it', code), { grpc: true, audience: 'peer' });
  const { fields } = stream.head as { fields: readonly string[] };
  return fields[fields.indexOf('grpc-status') + 1]!;
}

t.test('a reset before the answer is told with who has done it', async (t) => {
  t.same(resetFailure('endpoint_closed', '10.1.0.1:80', 2), {
    reason: 'endpoint_closed',
    message: '10.1.0.1:80 ended the request with code 2 before it answered',
  });
});

t.test('and in gRPC with what its code means', async (t) => {
  t.equal(grpcStatus(CANCEL), '1');
  t.equal(grpcStatus(ENHANCE_YOUR_CALM), '8');
  t.equal(grpcStatus(INADEQUATE_SECURITY), '7');
  for (const code of [0, 1, 2, 7, 1234]) t.equal(grpcStatus(code), '14', `${code}`);
});

t.test('an answer that cannot be read is no reset', async (t) => {
  t.match(resetFailure('endpoint_reset', '10.1.0.1:80', MALFORMED_ANSWER), { reason: 'response_malformed' });
  t.equal(grpcStatus(MALFORMED_ANSWER), '14');
});

t.test('a failure refuses what is missing of its request', async (t) => {
  const stream = new FakeStream();
  answer(stream, { reason: 'overflow', message: 'too many' }, { grpc: false, audience: 'stranger' });
  t.equal(stream.isRestRefused, true);
});

t.test('a challenge reaches whoever asked, by HTTP and gRPC, and a stranger no reason', async (t) => {
  const challenge = 'Bearer realm="http://api/", error="invalid_token"';
  const failure = { reason: 'token_invalid', message: 'it has expired', challenge } as const;
  const headOf = (grpc: boolean) => {
    const stream = new FakeStream();
    answer(stream, failure, { grpc, audience: 'stranger' });
    return stream.head;
  };
  t.same(headOf(false), { status: 401, fields: ['content-length', '0', 'www-authenticate', challenge] });
  t.match(headOf(true), { status: 200 });
  t.match(JSON.stringify(headOf(true)), '"grpc-status","16","grpc-message","","www-authenticate"');
});
