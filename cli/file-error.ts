import { readFileSync, writeFileSync } from 'node:fs';

import { errorMessage, WeftError } from '../core/errors/weft-error.ts';

/** The text of a file. @param path `-`: standard input @throws WeftError that says why it cannot be read */
export function readText(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw fileError(error, path === '-' ? 'standard input' : path);
  }
}

/** Writes a file that is not there yet. @param mode its permissions @throws WeftError that says why it cannot be written */
export function writeNew(path: string, text: string, mode: number): void {
  try {
    writeFileSync(path, text, { mode, flag: 'wx' });
  } catch (error) {
    throw fileError(error, path);
  }
}

/**
 * An error of the file system in words, with what to do next.
 *
 * @param path of the file; without it the one that the error names
 */
export function fileError(error: unknown, path = (error as NodeJS.ErrnoException).path ?? ''): WeftError {
  const { code = '' } = error as NodeJS.ErrnoException;
  const [reason, hint] = SENTENCES[code] ?? [errorMessage(error), ''];
  return new WeftError('file', `${path}: ${reason}`, { hint, cause: error });
}

/** Whether something thrown is the file system's about a path. */
export function isFileError(error: unknown): boolean {
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  return typeof path === 'string' && !syscall?.startsWith('spawn') && code !== undefined && code in SENTENCES;
}

/** What is wrong and what to do, by the code of errno(3). */
const SENTENCES: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  ENOENT: ['there is no such file or folder', 'look at its spelling, and at the folder that you are in'],
  ENOTDIR: ['a part of this path is a file, not a folder', 'look at its spelling'],
  EISDIR: ['is a folder, not a file', 'name a file in it'],
  EACCES: ['you have no permission for it', 'change its owner or mode, or run this as somebody who may'],
  EPERM: ['you have no permission for it', 'change its owner or mode, or run this as somebody who may'],
  EEXIST: ['is there already, and is not overwritten', 'name another place, or take it away first'],
  ENOSPC: ['no space is left on this file system', 'make room, or name another place'],
  EROFS: ['this file system is read-only', 'name another place'],
  ELOOP: ['its symbolic links go round in a circle', 'look where they point'],
  ENAMETOOLONG: ['the name is too long', ''],
  EMFILE: ['too many files are open', 'raise the limit: ulimit -n'],
};
