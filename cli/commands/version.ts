import { readFileSync } from 'node:fs';

import { oneOf } from '../../core/config/setting-kinds.ts';
import type { Command } from '../command.ts';
import { readArguments, readValue } from '../command-line.ts';

/** `weft version`. */
export const version: Command = {
  name: 'version',
  summary: 'print the version',
  help: 'usage: weft version [-o json]\n\nPrints the version of this CLI and of the Node that runs it.\n',
  async run(args) {
    const { values } = readArguments('version', args, { output: { type: 'string', short: 'o', default: 'text' } });
    const output = readValue('-o', values.output, oneOf(['text', 'json']));
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    const client = (JSON.parse(text) as { version: string }).version;
    process.stdout.write(
      output === 'json'
        ? `${JSON.stringify({ client, node: process.version })}\n`
        : `weft ${client} (node ${process.version})\n`,
    );
    return 0;
  },
};
