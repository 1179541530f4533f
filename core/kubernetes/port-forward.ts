import { request } from 'node:http';
import { Duplex, PassThrough } from 'node:stream';

import { ApiError, UNREACHABLE } from './api-error.ts';

/**
 * GETs a page of a pod as `kubectl port-forward` would reach it: with the caller's own right to `pods/portforward`, and
 * arriving from the pod's loopback.
 *
 * @param path with its query
 * @returns the body of status 200
 * @throws ApiError of reason `Unreachable`, or with the pod's own status
 */
export async function getFromPod(
  pod: { readonly namespace: string; readonly name: string },
  port: number,
  path: string,
): Promise<string> {
  const { KubeConfig, PortForward } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromDefault();
  const toPod = new PassThrough();
  const fromPod = new PassThrough();
  const said = new PassThrough();
  const place = `${pod.namespace}/${pod.name}:${port}${path.split('?')[0]}`;
  const fail = (why: string, status = 0) => new ApiError(status, UNREACHABLE, `${place}: ${why}`);
  let close = () => {};
  try {
    const socket = await new PortForward(config).portForward(pod.namespace, pod.name, [port], fromPod, said, toPod);
    close = () => (typeof socket === 'function' ? socket() : socket)?.close();
    return await new Promise<string>((resolve, reject) => {
      said.on('data', (text: Buffer) => reject(fail(String(text).trim())));
      const stream = Duplex.from({ readable: fromPod, writable: toPod });
      stream.on('error', (error) => reject(fail(error.message)));
      const call = request({
        path,
        headers: { host: 'localhost', connection: 'close' },
        createConnection: () => stream,
      });
      const timer = setTimeout(() => reject(fail(`no answer within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
      call.on('error', (error) => reject(fail(error.message)));
      call.on('response', (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (piece: string) => {
          text += piece;
        });
        answer.on('end', () => {
          clearTimeout(timer);
          const { statusCode = 0 } = answer;
          if (statusCode === 200) resolve(text);
          else reject(fail(`answered ${statusCode}: ${text.trim()}`, statusCode));
        });
      });
      call.end();
    });
  } catch (error) {
    throw error instanceof ApiError ? error : fail(messageOf(error));
  } finally {
    close();
  }
}

/** What a WebSocket that is refused throws is an event with a message. */
function messageOf(error: unknown): string {
  return (error as { message?: string }).message ?? String(error);
}

const TIMEOUT_MS = 15_000;
