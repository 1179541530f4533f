/** What is read of a node of ESTree: its kind, where it stands, and its fields by name. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

interface Alternatives {
  readonly start: number;
  readonly end: number;
  readonly texts: readonly string[];
}

/** Says what may stand in place of a node, or of a part of it. Whether the types allow it is not asked here. */
export function alternativesOf(node: Node, source: string): Alternatives[] {
  const text = (part: Node) => source.slice(part.start, part.end);
  const whole = (...texts: string[]) => [{ start: node.start, end: node.end, texts }];
  switch (node.type) {
    case 'BinaryExpression':
    case 'LogicalExpression':
    case 'AssignmentExpression':
      return operatorOf(node, source);
    case 'UnaryExpression':
      return UNDONE.has(node.operator as string) ? whole(text(node.argument as Node)) : [];
    case 'UpdateExpression':
      return whole(text(node).replace(/\+\+|--/, (operator) => (operator === '++' ? '--' : '++')));
    case 'IfStatement':
    case 'ConditionalExpression':
      return conditionOf(node.test as Node, source, ['true', 'false']);
    case 'WhileStatement':
    case 'ForStatement':
      return node.test === null ? [] : conditionOf(node.test as Node, source, ['false']);
    case 'ExpressionStatement':
      return isCall(node.expression as Node) ? whole(';') : [];
    case 'ReturnStatement':
      return node.argument === null ? [] : resultOf(node.argument as Node, source);
    case 'ArrowFunctionExpression':
      return node.expression ? resultOf(node.body as Node, source) : [];
    case 'FunctionDeclaration':
    case 'FunctionExpression':
      return earlyReturnOf(node.body as Node | null);
    case 'Literal':
      return constantOf(node);
    default:
      return [];
  }
}

/** An operator between two sides becomes its neighbour or its opposite; of `??` one side alone stays. */
function operatorOf(node: Node, source: string): Alternatives[] {
  const [left, right] = [node.left as Node, node.right as Node];
  const operator = node.operator as string;
  const between = source.slice(left.end, right.start);
  const at = left.end + between.indexOf(operator);
  const texts = SWAPS[operator] ?? [];
  const swapped = { start: at, end: at + operator.length, texts };
  if (operator !== '??') return [swapped];
  return [{ start: node.start, end: node.end, texts: [left, right].map((side) => source.slice(side.start, side.end)) }];
}

function conditionOf(test: Node, source: string, constants: readonly string[]): Alternatives[] {
  const text = source.slice(test.start, test.end);
  const negated = test.type === 'Identifier' || test.type === 'CallExpression' ? `!${text}` : `!(${text})`;
  // A comparison turned round is an operator's mutant, and `!x` without its sign is one.
  const isTold = test.type === 'BinaryExpression' || test.type === 'UnaryExpression';
  return [{ start: test.start, end: test.end, texts: isTold ? constants : [...constants, negated] }];
}

/** Another value of every kind; the types choose. */
function resultOf(value: Node, source: string): Alternatives[] {
  if (value.type === 'Literal') return [];
  const text = source.slice(value.start, value.end);
  const others = ['null', 'undefined', 'true', 'false', '0', "''", '[]'].filter((other) => other !== text);
  return [{ start: value.start, end: value.end, texts: others }];
}

/** A function that returns nothing and does more than one thing ends before the first. */
function earlyReturnOf(body: Node | null): Alternatives[] {
  const statements = (body?.body ?? []) as readonly Node[];
  const [first] = statements;
  if (statements.length < 2 || !first) return [];
  return [{ start: first.start, end: first.start, texts: ['return; '] }];
}

/** A number's neighbours (a large one twice as large), the other boolean, no text or another one. */
function constantOf(node: Node): Alternatives[] {
  const { start, end, value } = node;
  if (typeof value === 'boolean') return [{ start, end, texts: [String(!value)] }];
  if (typeof value === 'number')
    return [{ start, end, texts: value > MAX_NEIGHBOUR ? [`${value * 2}`] : [`${value + 1}`, `${value - 1}`] }];
  if (typeof value !== 'string' || !isToken(value)) return [];
  return [{ start, end, texts: value === '' ? ["'other'"] : ["''"] }];
}

/** True for a text that programs compare; one with words in it is for people. */
function isToken(text: string): boolean {
  return text.length <= MAX_TOKEN && !/\w[,;:.]? \w/.test(text);
}

function isCall(node: Node): boolean {
  if (node.type === 'AwaitExpression') return isCall(node.argument as Node);
  if (node.type === 'ChainExpression') return isCall(node.expression as Node);
  return node.type === 'CallExpression' && (node.callee as Node).type !== 'Super';
}

const UNDONE = new Set(['!', '-', '~']);

/** What stands in place of an operator. */
const SWAPS: Readonly<Record<string, readonly string[]>> = {
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['*'],
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
  '==': ['!='],
  '!=': ['=='],
  '&&': ['||'],
  '||': ['&&'],
  '&': ['|'],
  '|': ['&'],
  '^': ['&'],
  '<<': ['>>'],
  '>>': ['<<'],
  '>>>': ['<<'],
  '+=': ['-='],
  '-=': ['+='],
  '*=': ['/='],
  '|=': ['&='],
  '&=': ['|='],
  '??=': ['='],
  '||=': ['='],
};

/** The largest number whose neighbours are tried: a limit of 10,000 ms is no other one at 10,001. */
const MAX_NEIGHBOUR = 1024;
const MAX_TOKEN = 60;
