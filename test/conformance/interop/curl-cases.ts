/** One command line of curl. */
interface CurlCase {
  readonly name: string;
  readonly args: readonly string[];
  /** Asked one after another, over one connection. */
  readonly paths: readonly string[];
  readonly input?: string | Buffer;
  readonly only?: 'http1' | 'http2';
  /** HTTP/1.0: between proxies, and to the server, it is HTTP/1.1. */
  readonly isOld?: boolean;
}

/** What curl is asked to do. */
export const CURL_CASES: readonly CurlCase[] = [
  { name: 'GET', args: [], paths: ['/a%20b?q=1&r=%2F'] },
  { name: 'a path with dots', args: ['--path-as-is'], paths: ['/a/../b/./c'] },
  { name: 'HEAD', args: ['-I'], paths: ['/head'] },
  { name: 'OPTIONS *', args: ['-X', 'OPTIONS', '--request-target', '*'], paths: ['/'] },
  { name: 'DELETE', args: ['-X', 'DELETE'], paths: ['/thing'] },
  { name: 'POST of a form', args: ['-d', 'a=1&b=zwei'], paths: ['/form'] },
  { name: 'POST of JSON', args: ['-d', '{}', '-H', 'Content-Type: application/json'], paths: ['/status/201'] },
  {
    name: 'PUT of 1 MiB with a length',
    args: ['-X', 'PUT', '--data-binary', '@-', '-H', 'Expect:'],
    paths: ['/put'],
    input: Buffer.alloc(1 << 20, 'x'),
  },
  {
    name: 'PUT of 1 MiB of unknown length',
    args: ['-T', '-', '-H', 'Expect:'],
    paths: ['/put'],
    input: Buffer.alloc(1 << 20, 'y'),
  },
  {
    name: 'Expect: 100-continue',
    args: ['--data-binary', '@-', '-H', 'Expect: 100-continue'],
    paths: ['/post'],
    input: 'after the go-ahead',
    only: 'http1',
  },
  {
    name: 'an expectation refused',
    args: ['--data-binary', '@-', '-H', 'Expect: 100-continue'],
    paths: ['/early'],
    input: 'never sent',
    only: 'http1',
  },
  { name: 'an empty body', args: ['-X', 'POST', '-d', ''], paths: ['/post'] },
  { name: 'trailers of the answer', args: [], paths: ['/trailers'] },
  { name: '103 Early Hints', args: [], paths: ['/hints'] },
  { name: '204', args: [], paths: ['/status/204'] },
  { name: '304', args: [], paths: ['/status/304'] },
  { name: '302, followed', args: ['-L'], paths: ['/status/302'] },
  { name: '404', args: [], paths: ['/status/404'] },
  { name: '503', args: [], paths: ['/status/503'] },
  { name: 'a cookie', args: ['-b', 'a=1; b=2'], paths: ['/cookie'] },
  { name: 'a user and a password', args: ['-u', 'user:password'], paths: ['/user'] },
  { name: 'an encoding', args: ['--compressed'], paths: ['/compressed'] },
  { name: 'an empty and a repeated header', args: ['-H', 'X-Empty;', '-H', 'X-A: 1', '-H', 'X-A: 2'], paths: ['/h'] },
  { name: 'a header of 30,000 octets', args: ['-H', `X-Large: ${'z'.repeat(30_000)}`], paths: ['/h'] },
  { name: 'another Host', args: ['-H', 'Host: shop.example'], paths: ['/host'] },
  {
    name: 'a connection kept',
    args: ['-w', 'connections %{num_connects}\n'],
    paths: ['/first', '/second', '/status/404', '/last'],
  },
  { name: 'HTTP/1.0', args: ['--http1.0'], paths: ['/old'], only: 'http1', isOld: true },
  { name: 'an upgrade to h2c offered', args: ['--http2'], paths: ['/upgrade'], only: 'http1' },
  { name: 'Connection: close', args: ['-H', 'Connection: close'], paths: ['/close'], only: 'http1' },
  {
    name: 'a field of the connection',
    args: ['-H', 'Connection: X-Hop', '-H', 'X-Hop: 1'],
    paths: ['/hop'],
    only: 'http1',
  },
];
