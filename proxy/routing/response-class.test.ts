import t from 'tap';

import { compileClasses } from './response-class.ts';

const between = (min: number, max: number) => ({ status: { min, max } });

t.test('without classes 5xx is a failure, and nothing below it', async (t) => {
  const isSuccess = compileClasses([]);
  for (const [status, success] of [
    [200, true],
    [499, true],
    [500, false],
    [599, false],
  ] as const)
    t.equal(isSuccess(status, ''), success, `${status}`);
});

t.test('a gRPC status decides in place of that of HTTP: the server’s failures are five', async (t) => {
  const isSuccess = compileClasses([]);
  const failures = Array.from({ length: 17 }, (_, code) => code).filter((code) => !isSuccess(200, `${code}`));
  t.same(failures, [2, 4, 13, 14, 15], 'UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS');
  t.equal(isSuccess(500, '0'), true);
});

t.test('the first class that holds decides, whatever the gRPC status', async (t) => {
  const isSuccess = compileClasses([
    { when: between(404, 404), isFailure: true },
    { when: between(400, 503), isFailure: false },
  ]);
  t.same(
    [403, 404, 405, 503, 504].map((status) => isSuccess(status, '')),
    [true, false, true, true, false],
  );
  t.equal(isSuccess(404, '0'), false);
  t.equal(isSuccess(500, '13'), true);
});

t.test('conditions are joined by all, any and not, and ranges have both their ends', async (t) => {
  const holds = (when: Parameters<typeof compileClasses>[0][number]['when'], status: number) =>
    !compileClasses([{ when, isFailure: true }])(status, '');
  const all = { all: [between(200, 299), between(250, 399)] };
  t.same(
    [249, 250, 299, 300].map((status) => holds(all, status)),
    [false, true, true, false],
  );
  const any = { any: [between(201, 202), between(210, 210)] };
  t.same(
    [200, 201, 202, 203, 210].map((status) => holds(any, status)),
    [false, true, true, false, true],
  );
  t.same(
    [200, 300].map((status) => holds({ not: between(200, 200) }, status)),
    [false, true],
  );
  t.equal(holds({ all: [] }, 200), true);
  t.equal(holds({ any: [] }, 200), false);
});
