import type { FieldReader } from './field-reader.ts';

/** A LabelSelector of Kubernetes: everything in it holds; without anything it selects all. */
export interface LabelSelector {
  readonly labels: Readonly<Record<string, string>>;
  readonly expressions: readonly LabelExpression[];
}

/**
 * A demand on one label. What has no such label is taken by `NotIn` and `DoesNotExist`. `values` is empty but for `In`
 * and `NotIn`.
 */
export interface LabelExpression {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values: readonly string[];
}

/** Reads a LabelSelector. Source: meta/v1 LabelSelector. */
export function readLabelSelector(reader: FieldReader): LabelSelector {
  reader.allow(['matchLabels', 'matchExpressions']);
  const expressions = reader.nestedList('matchExpressions').map((entry): LabelExpression => {
    entry.allow(['key', 'operator', 'values']);
    const operator = entry.text('operator') as LabelExpression['operator'];
    const values = entry.texts('values');
    if (operator !== null && !OPERATORS.includes(operator))
      entry.problem('operator', `"${operator}" is none of ${OPERATORS.join(', ')}`);
    if ((operator === 'In' || operator === 'NotIn') !== values.length > 0)
      entry.problem('values', 'has values for In and NotIn, and none for others');
    return { key: entry.text('key') ?? '', operator, values };
  });
  return { labels: reader.textMap('matchLabels'), expressions };
}

/** Whether a selector selects something with these labels. */
export function selectsLabels(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const hasAll = Object.entries(selector.labels).every(([key, value]) => labels[key] === value);
  return hasAll && selector.expressions.every((expression) => holds(expression, labels[expression.key]));
}

/** @param value undefined: there is no such label, which is as good as another value for `NotIn` */
function holds({ operator, values }: LabelExpression, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

const OPERATORS: readonly string[] = ['In', 'NotIn', 'Exists', 'DoesNotExist'];
