import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { readFolder } from '../../cli/run/objects.ts';
import { planRun } from '../../cli/run/plan.ts';
import { Random } from '../../core/testing/random.ts';
import { parseManifestFile } from '../../destination/objects/manifest-file.ts';
import { describeFault, type Suffered } from './fault.ts';
import { growthOf } from './growth.ts';
import { explain } from './judgement.ts';
import { type Entry, Ledger } from './ledger.ts';
import { Lives } from './lives.ts';
import { CLIENT_PODS, type Manifest, manifests, PODS, TARGETS } from './manifests.ts';
import { NewLines } from './new-lines.ts';
import { grpcMessage, octetsOf, Pieces, piece } from './proof.ts';
import { drawRequest, KINDS } from './request.ts';
import { complaintsOf } from './rest.ts';
import { damaged, isTooMuch } from './saboteur.ts';
import { scheduleOf } from './schedule.ts';

const TEXTS = manifests('/programs', '/work', 1, 150);

t.test('the schedule', async (t) => {
  const faults = [1, 2, 3].flatMap((seed) => scheduleOf(seed, 30).map((fault) => ({ seed, ...fault })));
  const of = (seed: number) => faults.filter((fault) => fault.seed === seed);
  const isAt = ({ beginMs, endMs }: { beginMs: number; endMs: number }, atMs: number) =>
    beginMs <= atMs && atMs < endMs;

  t.test('is decided by its seed', async (t) => {
    t.same(scheduleOf(7, 5), scheduleOf(7, 5));
    t.not(JSON.stringify(scheduleOf(7, 5)), JSON.stringify(scheduleOf(8, 5)));
  });
  t.test('has every kind of fault, each with an end, and peace before and after', async (t) => {
    t.equal(new Set(faults.map(({ deed, part }) => `${deed} ${part}`)).size, 15);
    for (const { beginMs, endMs } of faults)
      if (!(20_000 <= beginMs && beginMs < endMs && endMs <= 1_780_000)) t.fail();
    t.ok(of(1).length > 300, `${of(1).length} in 30 minutes`);
  });
  t.test('leaves one pod of every Service alone, but for outages, and one client', async (t) => {
    let outages = 0;
    for (const fault of faults) {
      const besides = of(fault.seed).filter((each) => isAt(each, fault.beginMs));
      const harmed = new Set(besides.flatMap(({ pods }) => pods));
      if (fault.pods.length > 1) outages++;
      for (const pods of [...TARGETS.map((target) => target.pods), CLIENT_PODS]) {
        const isOutage = besides.some((each) => each.pods.length > 1 && pods.includes(each.pods[0]!));
        if (!isOutage && pods.every((pod) => harmed.has(pod))) t.fail(`${describeFault(fault)}: none is left`);
      }
    }
    t.ok(outages > 0 && outages < faults.length / 20, `${outages} outages`);
  });
  t.test('lets certificates be renewed between two absences of identity', async (t) => {
    const away = of(1).filter(({ part }) => part === 'identity');
    for (const [i, { beginMs }] of away.entries()) if (i > 0 && beginMs < away[i - 1]!.endMs + 40_000) t.fail();
  });
});

t.test('requests', async (t) => {
  t.test('are decided by their seed, and every kind is among them', async (t) => {
    const drawn = (seed: number) => {
      const random = new Random(seed);
      return Array.from({ length: 1000 }, (_, i) => drawRequest(random, `r${i}`));
    };
    t.same(drawn(1), drawn(1));
    t.same(new Set(drawn(1).map(({ kind }) => kind)), new Set(KINDS));
    t.ok(drawn(1).every(({ octets, sentOctets }) => octets >= 1 && sentOctets <= 300_000));
  });
  t.test('have octets of their own, of which no part is like another', async (t) => {
    t.same(octetsOf('a', 100).subarray(0, 60), octetsOf('a', 60));
    t.notSame(octetsOf('a', 60), octetsOf('b', 60));
    t.notSame(octetsOf('a', 128).subarray(64), octetsOf('a', 64));
  });
  t.test('are put together again however they are split', async (t) => {
    for (const [headOctets, framed] of [
      [5, Buffer.concat([grpcMessage(Buffer.from('one')), grpcMessage(Buffer.alloc(0))])],
      [4, Buffer.concat([piece(Buffer.from('one')), piece(Buffer.alloc(0))])],
    ] as const) {
      const pieces = new Pieces(headOctets);
      const found = [...framed].flatMap((octet) => pieces.push(Buffer.from([octet])));
      t.same(found.map(String), ['one', '']);
      t.same(new Pieces(headOctets).push(framed).map(String), ['one', '']);
      t.equal(pieces.pending, 0);
    }
  });
});

t.test('the manifests', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-chaos-test-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const [file, text] of Object.entries(TEXTS)) writeFileSync(join(folder, file), text);
  const { objects, problems } = readFolder(folder);

  t.test('say nothing that has no effect, and pods are numbered as they are named here', async (t) => {
    const plan = planRun(objects, { controlHost: '', podAnnotations: {}, podIps: () => ['10.0.0.1'] });
    t.same([...problems, ...plan.problems], []);
    t.same(
      plan.pods.map(({ name }) => name),
      PODS,
    );
  });
  t.test('are broken, cut, misspelt and deleted', async (t) => {
    for (const [manifest, text] of Object.entries(TEXTS)) {
      t.same(parseManifestFile(manifest, text).faults, []);
      t.not(parseManifestFile(manifest, damaged(text, 'break', 0)!).faults.length, 0);
    }
    const routes = TEXTS['web-routes.yaml' satisfies Manifest];
    t.equal(damaged(routes, 'halve', 0.5), routes.slice(0, routes.length >> 1));
    t.match(damaged(routes, 'misspell', 0), /surplus: true[\s\S]*timeout: soon/);
    t.equal(damaged(routes, 'delete', 0), null);
  });
});

/** A request of a second from 10 s on that was reset before an answer began. */
const entry = (options: Partial<Entry>): Entry => ({
  id: 'load-0-1',
  kind: 'post',
  client: 'load-0',
  beganMs: 10_000,
  endedMs: 11_000,
  sentOctets: 1000,
  pod: null,
  outcome: 'broken',
  hasBegun: false,
  detail: '',
  ...options,
});
/** The death of an application from 10.5 s to 15 s. */
const fault = (options: Partial<Suffered>): Suffered => ({
  number: 1,
  deed: 'kill',
  part: 'application',
  pods: ['web-0'],
  manifest: null,
  share: 0,
  beginMs: 500,
  endMs: 4000,
  doneMs: 10_500,
  overMs: 15_000,
  isInForce: false,
  ...options,
});
const WEB = TARGETS[0]!.pods;
const AWAY_RULE = {
  part: 'manifest',
  deed: 'delete',
  manifest: 'web-routes.yaml',
  pods: [],
  isInForce: true,
} as const;
const TALK = { kind: 'octets' } as const;

t.test('a failure', async (t) => {
  const explained: [why: string, is: boolean, entry: Partial<Entry>, ...faults: Partial<Suffered>[]][] = [
    ['nothing happened', false, {}],
    ['it was under way when the application died that served it', true, { pod: 'web-0' }, {}],
    ['it is not known who served it', true, {}, {}],
    ['another one served it', false, { pod: 'web-1' }, {}],
    ['the application of another Service died', false, {}, { pods: ['calls-0'] }],
    ['it had ended before', false, { endedMs: 9400, beganMs: 9000 }, {}],
    ['it began after the death, when there was another to go to', false, { beganMs: 12_000, endedMs: 12_100 }, {}],
    ['its client heard of the death too late', false, { endedMs: 14_000 }, {}],
    [
      'the news of the death had no link to come by',
      true,
      { endedMs: 15_000 },
      {},
      { part: 'link', deed: 'cut', pods: ['load-0'], doneMs: 9000, overMs: 13_000 },
    ],
    [
      'the link was whole when the program died',
      false,
      { endedMs: 15_000 },
      {},
      { part: 'link', deed: 'cut', pods: ['load-0'], doneMs: 3000, overMs: 7000 },
    ],
    [
      'the link of somebody else was cut',
      false,
      { endedMs: 15_000 },
      {},
      { part: 'link', deed: 'cut', pods: ['load-1'], doneMs: 9000, overMs: 13_000 },
    ],
    ['a proxy was killed', true, { pod: 'web-0' }, { part: 'proxy' }],
    ['a GET is tried again', false, { kind: 'get' }, {}],
    ['a GET whose answer had begun is not', true, { kind: 'get', hasBegun: true, pod: 'web-0' }, {}],
    ['the rule to try a GET again was away', true, { kind: 'get' }, {}, AWAY_RULE],
    [
      'a broken rule stays in force',
      false,
      { kind: 'get' },
      {},
      { part: 'manifest', deed: 'break', manifest: 'web-routes.yaml', pods: [] },
    ],
    ...(
      [
        [true, {}, {}],
        [false, { kind: 'get' }, {}],
        [false, { endedMs: 14_000 }, {}],
        [false, { detail: '502 endpoint_reset' }, {}],
        [false, {}, { overMs: 14_500 }],
      ] as const
    ).map(([is, entry, fault]): [string, boolean, Partial<Entry>, Partial<Suffered>] => [
      'a kept connection that was idle for as long as its application was frozen',
      is,
      { outcome: 'refused', detail: '502 endpoint_closed', beganMs: 12_000, endedMs: 16_001, ...entry },
      { deed: 'freeze', overMs: 16_000, ...fault },
    ]),
    ['an application that is frozen answers late', false, { pod: 'web-0' }, { deed: 'freeze' }],
    ['a link of an endpoint is cut: another one is asked', false, {}, { deed: 'cut', part: 'link' }],
    ['none of its Service is left', true, { kind: 'get', beganMs: 13_000, endedMs: 13_001 }, { pods: WEB }],
    ['all are back', false, { beganMs: 19_000, endedMs: 19_001 }, { pods: WEB }],
    [
      'the proxy of the client is dead',
      true,
      { kind: 'get', beganMs: 13_000, endedMs: 13_001 },
      { part: 'proxy', pods: ['load-0'] },
    ],
    ['the proxy of another client is', false, {}, { part: 'proxy', pods: ['load-1'] }],
    ['the proxy of the client is frozen', false, {}, { part: 'proxy', deed: 'freeze', pods: ['load-0'] }],
    [
      'a refusal while the client has no link',
      true,
      { outcome: 'refused' },
      { part: 'link', deed: 'cut', pods: ['load-0'] },
    ],
    ['a reset while the client has no link', false, {}, { part: 'link', deed: 'cut', pods: ['load-0'] }],
    ['a connection that loses packets', true, TALK, { part: 'link', deed: 'lose', pods: ['load-0'] }],
    [
      'a conversation that loses packets',
      false,
      { ...TALK, hasBegun: true },
      { part: 'link', deed: 'lose', pods: ['load-0'] },
    ],
    [
      'a dead application was asked, and the body was larger than what is kept',
      true,
      {
        outcome: 'refused',
        detail: '502 connect_failed',
        pod: 'web-0',
        sentOctets: 65_537,
        beganMs: 13_000,
        endedMs: 13_001,
      },
      {},
    ],
    [
      'a dead application was asked, and there was another',
      false,
      { outcome: 'refused', detail: '502 connect_failed', pod: 'web-0', beganMs: 13_000, endedMs: 13_001 },
      {},
    ],
    [
      'destination was away when the rule came back',
      true,
      { kind: 'get' },
      {},
      { ...AWAY_RULE, doneMs: 1000, overMs: 2000 },
      { part: 'destination', pods: [], doneMs: 1500, overMs: 5000 },
    ],
    ['the rule was back', false, { kind: 'get' }, {}, { ...AWAY_RULE, doneMs: 1000, overMs: 2000 }],
    [
      'the proxy of the client started while destination was away',
      true,
      { outcome: 'refused', detail: '503 discovery_unavailable', beganMs: 22_000, endedMs: 25_000 },
      { part: 'proxy', pods: ['load-0'] },
      { part: 'destination', pods: [], doneMs: 14_000, overMs: 20_000 },
    ],
    [
      'the proxy of the client had started before destination went away',
      false,
      { outcome: 'refused', detail: '503 discovery_unavailable', beganMs: 22_000, endedMs: 25_000 },
      { part: 'proxy', pods: ['load-0'] },
      { part: 'destination', pods: [], doneMs: 19_000, overMs: 20_000 },
    ],
    ['identity is away', false, {}, { part: 'identity', pods: [] }],
    ['destination is away', false, {}, { part: 'destination', pods: [] }],
    [
      'a manifest without its last route',
      true,
      { outcome: 'refused', detail: '404 route_not_found' },
      { part: 'manifest', deed: 'halve', manifest: 'web-routes.yaml', pods: [], isInForce: true },
    ],
    [
      'a manifest that is cut in the midst of a word',
      false,
      { outcome: 'refused', detail: '404 route_not_found' },
      { part: 'manifest', deed: 'halve', manifest: 'web-routes.yaml', pods: [] },
    ],
  ];
  for (const [why, is, about, ...faults] of explained)
    t.test(`is ${is ? 'explained' : 'not explained'}: ${why}`, async (t) => {
      const failed = entry(about);
      t.equal(explain([failed], faults.map(fault)).get(failed) !== null, is);
    });

  t.test('is explained by nothing where the answer is wrong or there is no end', async (t) => {
    for (const outcome of ['wrong', 'hang'] as const) {
      const failed = entry({ outcome, pod: 'web-0' });
      t.equal(explain([failed], [fault({})]).get(failed), null);
    }
  });
});

t.test('a fault is left out while what it needs has not recovered', async (t) => {
  const ill = (options: Partial<Suffered>) => fault({ overMs: null, ...options });
  const destination = { part: 'destination', pods: [] } as const;
  for (const [is, about, ...before] of [
    [false, {}],
    [false, {}, fault({})],
    [true, {}, ill({})],
    [false, {}, ill({ pods: ['web-1'] })],
    [true, {}, ill({ pods: ['web-1'] }), ill({ pods: ['web-2'] })],
    [true, { pods: WEB }, ill({ pods: ['web-1'] })],
    [true, { pods: ['load-0'] }, ill({ pods: ['load-1'] })],
    [true, destination, ill(destination)],
    [false, destination, ill({ part: 'identity', pods: [] })],
  ] as [boolean, Partial<Suffered>, ...Suffered[]][])
    t.equal(isTooMuch(fault(about), before), is, JSON.stringify([about, ...before.map(({ pods }) => pods)]));
});

t.test('the ledger counts what it is told, and keeps what did not end well', async (t) => {
  const ledger = new Ledger();
  for (const each of [entry({}), entry({ outcome: 'right', kind: 'get', endedMs: 10_020 })])
    t.same(ledger.take(JSON.stringify(each)), each);
  t.equal(ledger.take('{"sent":2}'), null);
  t.same([ledger.total, ledger.sent, ledger.ended, ledger.slowestMs], [2, 2, 1, 20]);
  t.same([ledger.count('right'), ledger.count('broken'), ledger.failures.length], [1, 1, 1]);
});

t.test('lines that are being written are read once they are complete', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-chaos-test-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'lines');
  const lines = new NewLines(file);
  t.same(lines.read(), []);
  writeFileSync(file, 'one\ntw');
  t.same(lines.read(), ['one']);
  writeFileSync(file, 'o\n', { flag: 'a' });
  t.same(lines.read(), ['two']);
});

t.test('growth', async (t) => {
  const MIB = 1024 * 1024;
  const samples = (mib: (minute: number) => number) =>
    Array.from({ length: 30 }, (_, minute) => ({ atMs: minute * 60_000, octets: mib(minute) * MIB, descriptors: 30 }));
  const growth = (mib: (minute: number) => number, descriptors = 30) =>
    growthOf('p', 1, samples(mib), { atMs: 1_800_000, octets: 100 * MIB, descriptors }).complaint;

  t.test('is nothing where memory goes up and down', async (t) => {
    t.equal(
      growth((minute) => 80 + 10 * (minute % 3)),
      '',
    );
  });
  t.test('is memory that rises all the time', async (t) => {
    t.match(
      growth((minute) => 80 + minute),
      /memory rose by 30.0 MiB/,
    );
  });
  t.test('is descriptors that stay open', async (t) => {
    t.match(
      growth(() => 80, 60),
      '30 descriptors more at rest',
    );
  });
  t.test('of memory is not told of who has not lived for long', async (t) => {
    const young = samples((minute) => 80 + 50 * minute).slice(0, 3);
    t.equal(growthOf('p', 1, young, young[2]!).complaint, '');
  });
});

t.test('a proxy at rest has nothing under way', async (t) => {
  const page = (active: number) =>
    JSON.stringify([{ name: 'web', active, backends: [{ active: 0, pending: 0, endpoints: [{ inFlight: 0 }] }] }]);
  t.same(complaintsOf('load-0', page(0), 'weft_proxy_held_bytes 0\n'), []);
  t.same(complaintsOf('load-0', page(2), 'weft_proxy_held_bytes 7\n'), [
    'the proxy of load-0 has 2 requests and connections at rest',
    'the proxy of load-0 has 7 held octets at rest',
  ]);
});

t.test('of a program that is started again the minutes count in which its heap does not fill any more', async (t) => {
  const lives = new Lives(0, 180_000);
  const mib = (atMs: number) => Math.min(66 + atMs / 6_000, 96) * 1024 * 1024;
  const bornMs = 600_000;
  for (let atMs = 0; atMs <= 1_200_000; atMs += 10_000) {
    lives.add({ name: 'old', pid: 1, sample: { atMs, octets: mib(atMs), descriptors: 30 } });
    const octets = mib(atMs - bornMs);
    if (atMs >= bornMs) lives.add({ name: 'young', pid: 2, sample: { atMs, octets, descriptors: 30 } });
  }
  const rest = { atMs: 1_200_000, octets: mib(600_000), descriptors: 30 };
  t.match(lives.growth(['old', 'young'].map((name, at) => ({ name, pid: at + 1, sample: rest }))), [
    { minutes: 17, mibPerHour: 0 },
    { minutes: 7, mibPerHour: 0 },
  ]);
  t.equal(lives.octetsOf({ name: 'young', pid: 2 }).length, 43);
});
