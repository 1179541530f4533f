import { readdirSync } from 'node:fs';

import { windowBudget } from '../transport/window-budget.ts';
import type { Registry } from './registry.ts';

/** The process's own metrics, under the names that every Prometheus client uses. */
export function processMetrics(registry: Registry): void {
  const start = registry.gauge('process_start_time_seconds', 'When the process started.').with({});
  start.value = Date.now() / 1000 - process.uptime();
  const cpu = registry.counter('process_cpu_seconds_total', 'CPU time used.').with({});
  const resident = registry.gauge('process_resident_memory_bytes', 'Resident memory.').with({});
  const heap = registry
    .gauge('weft_proxy_heap_used_bytes', 'Memory of live objects, as of the last collection.')
    .with({});
  const held = registry
    .gauge('weft_proxy_held_bytes', 'Bytes of bodies that wait for a peer that reads slower than its sender.')
    .with({});
  const grown = registry
    .gauge('weft_proxy_window_growth_bytes', 'Bytes that HTTP/2 windows have grown by, for long fast paths.')
    .with({});
  const files = registry.gauge('process_open_fds', 'Open file descriptors.').with({});
  const build = registry
    .gauge('proxy_build_info', 'What this proxy is.')
    .with({ vendor: 'weft', version: '0.1.0', runtime: process.version });
  build.value = 1;
  registry.collect(() => {
    const { user, system } = process.cpuUsage();
    cpu.value = (user + system) / 1e6;
    const memory = process.memoryUsage();
    resident.value = memory.rss;
    heap.value = memory.heapUsed;
    held.value = windowBudget.held;
    grown.value = windowBudget.grown;
    files.value = readdirSync('/proc/self/fd').length;
  });
}
