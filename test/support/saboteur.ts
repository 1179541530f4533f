/** Ends or freezes the processes of the control plane on every node of a cluster, from a privileged pod. */
import { IMAGE } from './cluster.ts';
import { apply, kubectl } from './kubectl.ts';

const NAMESPACE = 'weft-saboteur';

/**
 * Signals every process whose command line names the program, again and again for the given time, so that one which
 * the kubelet starts anew is met too; then lets the stopped ones go on.
 */
const SCRIPT = `
const { readdirSync, readFileSync } = require('fs');
const [, program, signal, seconds] = process.argv;
const found = () => readdirSync('/proc').filter((pid) => {
  try { return /^\\d+$/.test(pid) && +pid !== process.pid && readFileSync('/proc/' + pid + '/cmdline', 'utf8').split('\\0').some((word) => word.endsWith('/' + program + '.js')); } catch { return false; }
});
const send = (name) => { let count = 0; for (const pid of found()) try { process.kill(+pid, name); count++; } catch {} return count; };
const end = Date.now() + seconds * 1000;
const met = send(signal);
const timer = setInterval(() => { send(signal); if (Date.now() > end) { clearInterval(timer); if (signal === 'SIGSTOP') send('SIGCONT'); console.log(met); } }, 250);
`;

/** Starts the privileged pod. @returns when it runs */
export async function startSaboteur(): Promise<void> {
  await apply(
    [
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: NAMESPACE, labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
      },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'saboteur', namespace: NAMESPACE },
        spec: {
          hostPID: true,
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'saboteur',
              image: IMAGE,
              imagePullPolicy: 'IfNotPresent',
              command: ['/usr/bin/node', '-e', 'setInterval(() => {}, 1e9)'],
              securityContext: { privileged: true, runAsUser: 0 },
            },
          ],
        },
      },
    ]
      .map((object) => `---\n${JSON.stringify(object)}\n`)
      .join(''),
  );
  await kubectl('-n', NAMESPACE, 'wait', '--for=condition=Ready', 'pod/saboteur', '--timeout=60s');
}

/**
 * Keeps a program of the control plane killed or frozen for a time.
 * @returns when the time is over: the number of processes that were met at first
 */
export async function keepAway(program: string, signal: 'SIGKILL' | 'SIGSTOP', seconds: number): Promise<number> {
  const command = ['/usr/bin/node', '-e', SCRIPT, program, signal, String(seconds)];
  return Number(await kubectl('-n', NAMESPACE, 'exec', 'saboteur', '--', ...command));
}

/** Takes the privileged pod away. */
export async function endSaboteur(): Promise<void> {
  await kubectl('delete', 'namespace', NAMESPACE, '--wait=true', '--timeout=60s');
}
