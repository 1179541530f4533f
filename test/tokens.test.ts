/** Every token that a proxy gives as a reason is produced by its code, and provoked by a test. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

import { PROXY_ERROR_REASONS } from '../api/proxy-headers.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const text = (patterns: readonly string[], isTest: boolean) =>
  globSync([...patterns], { cwd: root })
    .filter((file) => /\.test\.ts$|^test\/|\/testing\//.test(file) === isTest)
    .filter((file) => !file.includes('node_modules') && file !== 'proxy/answers.ts' && file !== 'test/tokens.test.ts')
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n');
const product = text(['proxy/**/*.ts'], false);
const tests = text(['proxy/**/*.ts', 'cli/**/*.ts', 'test/**/*.ts'], true);

/** Tokens that are kept for what is to come, each with its reason. */
const RESERVED: Readonly<Record<string, string>> = {
  response_malformed: 'an answer that breaks RFC 9112 is told as endpoint_closed today',
};

t.test('every reason of a proxy is given by its code, and by a test', async (t) => {
  for (const reason of PROXY_ERROR_REASONS) {
    if (reason in RESERVED) {
      t.notMatch(product, `'${reason}'`, `${reason} is reserved no more: take it off the list`);
      continue;
    }
    if (!product.includes(`'${reason}'`)) t.fail(`no code gives ${reason}`);
    if (!tests.includes(reason)) t.fail(`no test provokes ${reason}`);
  }
});

t.test('every fault of a message or a connection is provoked by a test', async (t) => {
  const engines = text(['proxy/http1/**/*.ts', 'proxy/http2/**/*.ts'], false);
  const faults = new Set(
    [
      ...engines.matchAll(/fail\([^,()]+, '(\w+)'\)/g),
      ...engines.matchAll(/cut(?:Stream)?\((?:stream, )?'(\w+)'\)/g),
      ...engines.matchAll(/(?:return|\?|:) '([a-z]+_\w+)'/g),
    ].map(([, token]) => token!),
  );
  t.ok(faults.size > 60, `${faults.size} tokens`);
  for (const fault of faults) if (!tests.includes(fault)) t.fail(`no test provokes ${fault}`);
});
