import { connect } from 'node:net';

import { PROXY_ADMIN_PORT } from '../../api/ports.ts';

/** Waits until the proxy of this pod answers `/ready`; rejects after two minutes, as linkerd-await does. */
export async function awaitReady(port = PROXY_ADMIN_PORT, limitMs = 120_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline) {
    if (await isReady(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the proxy was not ready within ${limitMs / 1000} s; see the log of its container`);
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let text = '';
    socket.setTimeout(1000, () => socket.destroy());
    socket.on('connect', () => socket.write('GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text.startsWith('HTTP/1.1 200 ')));
  });
}
