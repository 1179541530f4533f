import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { Reports } from '../objects/reports.ts';
import { TestAuthority } from '../testing/control-plane.ts';
import { pod, service, slice } from '../testing/manifests.ts';
import type { TestWatch } from '../testing/watch-client.ts';
import { serveWatch } from '../testing/watch-service.ts';
import { FolderSource } from '../watch/folder.ts';

const STREAMS = 100;
const CHANGES = 50;

/** Registers measurements of how long an endpoint change takes to reach every stream. The target is 100 ms (p99); it is reported. */
export function propagationTests(t: Test): void {
  t.test(`an endpoint change reaches ${STREAMS} streams over mutual TLS`, async (t) => {
    const { source, watches } = await openStreams(t);
    const figures = await measure(watches, async (at) =>
      source.put(slice('api', at % 2 ? [['api-1', '10.244.0.1']] : BOTH)),
    );
    t.comment(`from the object: ${describe(figures)}`);
    t.equal(figures.length, CHANGES * STREAMS, 'every change reached every stream');
  });

  t.test(`an edit of a manifest reaches ${STREAMS} streams over mutual TLS`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-propagation-'));
    const { source, watches } = await openStreams(t);
    const files = new FolderSource([folder], new Reports());
    files.objects.onChange(() => source.put(...edits.splice(0)));
    t.teardown(async () => {
      await files.stop();
      rmSync(folder, { recursive: true });
    });
    await files.start();
    const edits: object[] = [];
    const figures = await measure(watches, async (at) => {
      const edited = slice('api', at % 2 ? [['api-1', '10.244.0.1']] : BOTH);
      edits.push(edited);
      writeFileSync(join(folder, 'new.tmp'), `${JSON.stringify(edited)}\n`);
      renameSync(join(folder, 'new.tmp'), join(folder, 'slice.json'));
    });
    t.comment(`from the file: ${describe(figures)}`);
    t.equal(figures.length, CHANGES * STREAMS, 'every change reached every stream');
  });
}

const BOTH = [
  ['api-1', '10.244.0.1'],
  ['api-2', '10.244.0.2'],
] as const;

async function openStreams(t: Test) {
  const authority = new TestAuthority();
  const { source, open } = await serveWatch(t, authority, [
    service('api', '10.96.0.1'),
    pod('api-1', '10.244.0.1'),
    pod('api-2', '10.244.0.2'),
    slice('api', [['api-1', '10.244.0.1']]),
  ]);
  const watches: TestWatch[] = [];
  for (let at = 0; at < STREAMS; at++) {
    const credentials = authority.certify({
      namespace: 'default',
      serviceAccount: 'api',
      pod: `p${at}`,
      uid: `p${at}`,
    });
    const watch = await open({ credentials });
    watch.sends({ type: 'subscribe', target: '10.96.0.1:80' });
    await watch.expects('snapshot');
    watches.push(watch);
  }
  return { source, watches };
}

/** Makes a change, waits until every stream has it, and so on. Returns the time of each arrival, milliseconds. */
async function measure(watches: readonly TestWatch[], change: (at: number) => Promise<void>): Promise<number[]> {
  const figures: number[] = [];
  for (let at = 0; at < CHANGES; at++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const startedAt = performance.now();
    for (const watch of watches) watch.onMessage = () => figures.push(performance.now() - startedAt);
    await change(at);
    await Promise.all(watches.map((watch) => watch.expects('delta')));
  }
  return figures.sort((a, b) => a - b);
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

function describe(figures: readonly number[]): string {
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => percentile(figures, share).toFixed(1));
  return `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms of ${figures.length}`;
}
