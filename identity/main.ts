import { runProgram } from '../core/program/run-program.ts';
import { readConfig } from './config.ts';
import { startIdentity } from './identity.ts';

void runProgram('identity', readConfig, startIdentity);
