import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Sends a message to a program of this folder, and resolves with the next that comes from it. */
export async function ask<T>(child: ChildProcess, message: string | object): Promise<T> {
  child.send(message);
  return ((await once(child, 'message')) as [T])[0];
}
