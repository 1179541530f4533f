import { mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { FolderSource } from './destination/watch/folder.ts';
import { Reports } from './destination/watch/reports.ts';
import { pod } from './destination/testing/manifests.ts';
const folder = mkdtempSync('/tmp/weft-p-');
const f = new FolderSource([folder], new Reports());
let resolve: any;
f.objects.onChange(() => resolve());
await f.start();
for (let i = 0; i < 10; i++) {
  const t = performance.now();
  const p = new Promise(r => resolve = r);
  writeFileSync(folder + '/new.tmp', JSON.stringify(pod('a', '10.0.0.' + i)) + '\n');
  renameSync(folder + '/new.tmp', folder + '/a.json');
  const keep = setTimeout(() => {}, 10000); await p; clearTimeout(keep);
  console.log(performance.now() - t);
  await new Promise(r => setTimeout(r, 20));
}
process.exit();
