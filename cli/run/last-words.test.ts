import t from 'tap';

import { reasonIn, saysPortTaken } from './last-words.ts';

t.test('of words without a fault the last line is the reason', async (t) => {
  t.equal(reasonIn('starting\n\nbye \n'), 'bye');
  t.equal(reasonIn(''), '');
});

t.test('an error that is thrown is the reason, not the stack below it', async (t) => {
  t.equal(
    reasonIn('file.js:1\n  ^\nTypeError: no settings\n    at x (y.js:1:2)\n\nNode.js v24\n'),
    'TypeError: no settings',
  );
});

t.test('of a log in JSON the last entry that tells of a fault is the reason', async (t) => {
  const entry = (fields: object) => `${JSON.stringify(fields)}\n`;
  const log =
    entry({ level: 30, msg: 'listening' }) +
    entry({ level: 40, msg: 'not certified; trying again', error: 'refused' }) +
    entry({ level: 30, msg: 'draining' });
  t.equal(reasonIn(log), 'not certified; trying again; refused');
  t.equal(
    reasonIn(`${log}{"level":60,"msg":"cut of`),
    'not certified; trying again; refused',
    'a line that is cut off',
  );
});

t.test('a port that is taken is the reason, whatever else is said', async (t) => {
  const words = 'OSError: [Errno 98] Address already in use\nbye\n';
  t.ok(saysPortTaken(words));
  t.match(reasonIn(words), 'Address already in use');
});
