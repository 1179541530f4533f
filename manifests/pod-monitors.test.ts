import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';

import { podMonitors, WORKLOAD_LABELS } from './pod-monitors.ts';
import { DEFAULT_INSTALL_SETTINGS } from './settings.ts';

interface Rule {
  readonly source_labels?: readonly string[];
  readonly regex?: string;
  readonly target_label?: string;
  readonly action?: string;
}

const file = readFileSync(join(import.meta.dirname, 'prometheus/prometheus.yml'), 'utf8');
const jobs = (parse(file, { merge: true }) as { scrape_configs: { job_name: string; relabel_configs: Rule[] }[] })
  .scrape_configs;
const monitors = podMonitors(DEFAULT_INSTALL_SETTINGS);

t.test('the operator scrapes what the configuration does, under the same jobs', async (t) => {
  t.same(
    monitors.map(({ metadata }) => metadata.name),
    jobs.map(({ job_name }) => job_name),
  );
});

t.test('series have the labels of their workload, by the operator as by the configuration', async (t) => {
  const rules = jobs[0]!.relabel_configs
    .filter(({ target_label }) => target_label && !['namespace', 'pod'].includes(target_label))
    .map(({ source_labels, regex, target_label }) => ({
      sourceLabels: source_labels,
      regex,
      targetLabel: target_label,
    }));
  t.same(rules, WORKLOAD_LABELS);
});

/** Labels that the rules give, as Prometheus applies them: a rule that does not match leaves the label as it is. */
function labelsOf(pod: string, kind = '', controller = ''): Record<string, string> {
  const meta: Record<string, string> = {
    __meta_kubernetes_pod_name: pod,
    __meta_kubernetes_pod_controller_kind: kind,
    __meta_kubernetes_pod_controller_name: controller,
  };
  const given: Record<string, string> = {};
  for (const { sourceLabels, regex, targetLabel } of WORKLOAD_LABELS) {
    const match = new RegExp(`^(?:${regex})$`).exec(sourceLabels.map((name) => meta[name]).join(';'));
    if (match) given[targetLabel] = match[1]!;
  }
  return given;
}

t.test('a pod belongs to its Deployment, StatefulSet, DaemonSet or Job, or to itself', async (t) => {
  t.same(labelsOf('web-7c9d-x2x4q', 'ReplicaSet', 'web-7c9d'), { workload: 'web', deployment: 'web' });
  t.same(labelsOf('a-b-7c9d-x2x4q', 'ReplicaSet', 'a-b-7c9d'), { workload: 'a-b', deployment: 'a-b' });
  t.same(labelsOf('db-0', 'StatefulSet', 'db'), { workload: 'db', statefulset: 'db' });
  t.same(labelsOf('agent-x2x4q', 'DaemonSet', 'agent'), { workload: 'agent', daemonset: 'agent' });
  t.same(labelsOf('report-28-x2', 'Job', 'report-28'), { workload: 'report-28', k8s_job: 'report-28' });
  t.same(labelsOf('debug'), { workload: 'debug' });
  t.same(labelsOf('odd-0', 'Rollout', 'odd'), { workload: 'odd' }, 'of a kind that nobody knows');
});
