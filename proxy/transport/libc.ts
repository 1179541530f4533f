import type { LibraryHandle } from 'koffi';

/** The C library, for what Node does not offer. koffi costs 7 MiB, so it is loaded when something is wanted of it. */
export async function loadLibc(): Promise<LibraryHandle> {
  const { default: koffi } = await import('koffi');
  return koffi.load('libc.so.6');
}
