import type { LibraryHandle } from 'koffi';

/** The C library, for what Node does not offer. koffi costs 7 MiB, so it is loaded when something is wanted of it. */
export async function loadLibc(): Promise<LibraryHandle> {
  const { default: koffi } = await import('koffi');
  return koffi.load('libc.so.6');
}

/** Sets an option of the socket at a file descriptor, whose value is one or two `int`. Source: setsockopt(2). */
export type SetSocketOption = (fd: number, level: number, name: number, value: Int32Array) => void;

/** `setsockopt`, loaded once. */
export function loadSetSocketOption(): Promise<SetSocketOption> {
  setSocketOption ??= loadLibc().then((libc) => {
    const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const int32_t *value, uint32_t length)');
    return (fd, level, name, value) => setsockopt(fd, level, name, value, value.byteLength);
  });
  return setSocketOption;
}

/** Another descriptor of what is open at `fd`, which programs that are started do not get; -1: none. Source: fcntl(2). */
export type Duplicate = (fd: number) => number;

/** `fcntl` with F_DUPFD_CLOEXEC, loaded once. */
export function loadDuplicate(): Promise<Duplicate> {
  duplicate ??= loadLibc().then((libc) => {
    const fcntl = libc.func('int fcntl(int fd, int command, int least)');
    return (fd) => fcntl(fd, F_DUPFD_CLOEXEC, 3);
  });
  return duplicate;
}

const F_DUPFD_CLOEXEC = 1030;
let duplicate: Promise<Duplicate> | null = null;
let setSocketOption: Promise<SetSocketOption> | null = null;
