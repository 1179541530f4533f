import { runProgram } from '../core/program/run-program.ts';
import { readConfig } from './config.ts';
import { startWebhook } from './webhook.ts';

void runProgram('webhook', readConfig, startWebhook);
