import { INJECT } from '../../api/names.ts';
import { readYaml, writeYaml, type YamlDocument } from '../../core/yaml/documents.ts';
import { inject as injectPod } from '../../webhook/inject/inject.ts';
import { askingNamespace } from '../../webhook/inject/namespace-facts.ts';
import type { InjectSettings } from '../../webhook/inject/settings.ts';
import { type Found, type Json, objectsOf, templatePath, valueAt } from '../../webhook/inject/workloads.ts';
import { UsageError } from '../command.ts';
import { changeDocument } from './change-document.ts';

/** What became of manifests. */
export interface InjectedText {
  readonly text: string;
  /** A line for each object. */
  readonly reports: readonly string[];
  /** Some object asks for what cannot be: nothing is to be applied. */
  readonly isRefused: boolean;
}

/**
 * Marks the pods of manifests for injection, or with `isManual` injects them. Whether a pod is injected the webhook's own
 * function decides, as it would in a namespace that asks for it: whoever opted out stays out.
 *
 * @throws UsageError for what is not YAML
 */
export function injectText(text: string, settings: InjectSettings, isManual: boolean): InjectedText {
  const reports: string[] = [];
  let isRefused = false;
  const documents = readYaml(text);
  for (const document of documents) {
    for (const found of objectsOf(jsonOf(document))) {
      const { change, report } = outcomeOf(found, settings, isManual);
      if (change === 'refused') isRefused = true;
      else if (change) changeDocument(document.document, change.path, change.before, change.after);
      reports.push(`${found.kind.toLowerCase()} "${nameOf(found.object)}": ${report}`);
    }
  }
  return { text: documents.map(({ document }) => writeYaml(document)).join(''), reports, isRefused };
}

function jsonOf(document: YamlDocument): unknown {
  if (document.fault) throw new UsageError(`line ${document.fault.line}: ${document.fault.message}`);
  try {
    return document.toJson();
  } catch (error) {
    throw new UsageError(`line ${document.line}: ${(error as Error).message}`);
  }
}

interface ObjectOutcome {
  /** null: it stays as it is. */
  readonly change: 'refused' | { readonly path: readonly (string | number)[]; before: unknown; after: unknown } | null;
  readonly report: string;
}

function outcomeOf(found: Found, settings: InjectSettings, isManual: boolean): ObjectOutcome {
  const place = templatePath(found);
  if (!place) return { change: null, report: 'unchanged, it has no pods' };
  const path = [...found.path, ...place];
  const before = valueAt(found.object, place);
  const namespace = String(valueAt(found.object, ['metadata', 'namespace']) ?? 'default');
  const injection = injectPod(before, askingNamespace(namespace), settings);
  switch (injection.outcome) {
    case 'inject': {
      const after = isManual ? (injection.pod as unknown) : marked(before as Json);
      const done = isManual
        ? 'injected'
        : after === before
          ? 'unchanged, it asks for injection'
          : 'enabled for injection';
      return { change: { path, before, after }, report: [done, ...injection.warnings].join('; ') };
    }
    case 'skip':
      return {
        change: injection.pod ? { path, before, after: injection.pod } : null,
        report: `skipped: ${injection.message} (${injection.reason})`,
      };
    case 'refuse':
      return { change: 'refused', report: `refused: ${injection.message} (${injection.reason})` };
  }
}

/** A pod template whose label asks for injection; the same where it does so already, for an ingress too. */
function marked(template: Json): Json {
  const metadata = (template.metadata ?? {}) as Json;
  const labels = (metadata.labels ?? {}) as Json;
  if (labels[INJECT] === 'enabled' || labels[INJECT] === 'ingress') return template;
  const annotations = (metadata.annotations ?? {}) as Json;
  // The label would win over an annotation that says more.
  const value = annotations[INJECT] === 'ingress' ? 'ingress' : 'enabled';
  return { ...template, metadata: { ...metadata, labels: { ...labels, [INJECT]: value } } };
}

function nameOf(object: Json): string {
  const name = valueAt(object, ['metadata', 'name']) ?? valueAt(object, ['metadata', 'generateName']);
  return typeof name === 'string' ? name : '';
}
