import { readFileSync } from 'node:fs';

import type { Command } from '../command.ts';

/** `weft version`. */
export const version: Command = {
  name: 'version',
  summary: 'print the version',
  help: 'usage: weft version [-o json]\n\nPrints the version of this CLI and of the Node that runs it.\n',
  async run(args) {
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    const client = (JSON.parse(text) as { version: string }).version;
    process.stdout.write(
      args.includes('json')
        ? `${JSON.stringify({ client, node: process.version })}\n`
        : `weft ${client} (node ${process.version})\n`,
    );
    return 0;
  },
};
