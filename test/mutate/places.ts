import { parseSync } from 'oxc-parser';

import { alternativesOf, type Node } from './operators.ts';
import type { Place } from './place.ts';

/**
 * Lists what can be changed in a source, in its order. Types, imports and what only a log or a reader of an error
 * would see are not touched.
 */
export function placesIn(file: string, source: string): Place[] {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file} is not read: ${errors[0]!.message}`);
  const places: Place[] = [];
  visit(program as unknown as Node, (node) => {
    for (const { start, end, texts } of alternativesOf(node, source))
      if (texts.length > 0) places.push({ file, start, end, alternatives: texts });
  });
  return places.sort((a, b) => a.start - b.start || b.end - a.end);
}

/** Calls `enter` for every node that is run, outer ones first. */
function visit(node: Node, enter: (node: Node) => void): void {
  if (isUnseen(node)) return;
  enter(node);
  const inner = Object.entries(node).filter(([key]) => key !== 'parent' && !isName(node, key));
  for (const [key, value] of inner) {
    const children: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const child of TABLES.has(key) ? thinned(children) : children) if (isNode(child)) visit(child, enter);
  }
}

/** True for types, imports, and texts that are about a failure and not part of it. */
function isUnseen(node: Node): boolean {
  if (node.type.startsWith('TS')) return !WRAPPERS.has(node.type);
  if (node.type === 'ExpressionStatement') return isUnseen(node.expression as Node);
  if (node.type === 'ImportDeclaration' || node.type === 'ExportAllDeclaration') return true;
  if (node.type === 'CallExpression') return LOGS.test(calleeOf(node.callee as Node));
  if (node.type === 'Property') return MESSAGES.test(((node.key as Node).name as string | undefined) ?? '');
  return false;
}

/** `this.#log.warn` for a chain of names, of which the last three are enough. */
function calleeOf(node: Node): string {
  if (node.type === 'MemberExpression') return `${calleeOf(node.object as Node)}.${calleeOf(node.property as Node)}`;
  return (node.name as string | undefined) ?? '';
}

/** A name is no value: it is changed by nothing here, and a key's text is seen by the types. */
function isName(node: Node, key: string): boolean {
  return (key === 'key' || key === 'property') && node.computed !== true;
}

/** Of a table of data a few rows stand for all, so that a generated one does not outweigh the code. */
function thinned(items: readonly unknown[]): readonly unknown[] {
  return items.length <= MAX_ROWS ? items : items.filter((_, i) => i % MAX_ROWS === MAX_ROWS - 1);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

const WRAPPERS = new Set(['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression']);
const LOGS = /(?:^|\.)(?:log|logger|console)(?:\.\w*)?$/;
const MESSAGES = /^(?:message|help|advice|description)$/;
/** Fields of a node that hold the rows of a table. */
const TABLES = new Set(['elements', 'arguments']);
const MAX_ROWS = 40;
