import type { Command } from './command.ts';
import { analyze } from './commands/analyze.ts';
import { audit } from './commands/audit.ts';
import { authz } from './commands/authz.ts';
import { check } from './commands/check.ts';
import { demo } from './commands/demo.ts';
import { identity } from './commands/identity.ts';
import { inject } from './commands/inject.ts';
import { install } from './commands/install.ts';
import { run } from './commands/run.ts';
import { uninstall } from './commands/uninstall.ts';
import { version } from './commands/version.ts';
import { why } from './commands/why.ts';

/** Every command, in the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  install,
  uninstall,
  inject,
  check,
  analyze,
  why,
  authz,
  audit,
  identity,
  run,
  demo,
  version,
];
