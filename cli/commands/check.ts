import { oneOf } from '../../core/config/setting-kinds.ts';
import { ApiClient } from '../../core/kubernetes/api-client.ts';
import { type Check, type Result, runChecks } from '../check/check.ts';
import { INSTALLED_CHECKS } from '../check/installed-checks.ts';
import { PRE_INSTALL_CHECKS } from '../check/pre-install-checks.ts';
import type { Command } from '../command.ts';
import { readArguments, readValue } from '../command-line.ts';

/** `weft check`. */
export const check: Command = {
  name: 'check',
  summary: 'check that the control plane is there and works, or with --pre that it can be installed',
  help: `usage: weft check [--pre] [-o json]

Looks at the cluster of KUBECONFIG and changes nothing. Exit code 0: everything is well, or worth a warning at most (‼);
1: something is not.

${listOf(INSTALLED_CHECKS)}

With --pre, before an installation:

${listOf(PRE_INSTALL_CHECKS)}

  --pre      look whether Weft can be installed
  -o json    print {"success", "checks": [{"id", "description", "result", "notes", "error", "hint"}]}
`,
  async run(args) {
    const { values } = readArguments('check', args, {
      pre: { type: 'boolean', default: false },
      output: { type: 'string', short: 'o', default: 'table' },
    });
    const isJson = readValue('-o', values.output, oneOf(['table', 'json'])) === 'json';
    const checks = values.pre ? PRE_INSTALL_CHECKS : INSTALLED_CHECKS;
    const results = await runChecks(
      checks,
      () => ApiClient.fromCluster(),
      (result) => isJson || process.stdout.write(lines(result)),
    );
    const failed = results.filter(({ result }) => result === 'error').length;
    const summary = failed === 0 ? 'Status check results are √' : `${failed} of ${results.length} checks failed`;
    process.stdout.write(
      isJson ? `${JSON.stringify({ success: failed === 0, checks: results }, null, 2)}\n` : `\n${summary}\n`,
    );
    return failed === 0 ? 0 : 1;
  },
};

function lines({ result, description, notes = [], error, hint }: Result): string {
  const details = [...notes, ...(error === undefined ? [] : [error, `hint: ${hint}`])];
  return [`${SIGNS[result]} ${description}`, ...details.map((detail) => `    ${detail}`), ''].join('\n');
}

function listOf(checks: readonly Check[]): string {
  return checks.map(({ id, description }) => `  ${id.padEnd(26)}${description}`).join('\n');
}

const SIGNS = { success: '√', warning: '‼', error: '×' } as const;
