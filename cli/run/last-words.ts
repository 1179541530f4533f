/**
 * The line of a program's last words that says what is wrong: that its port is taken, an error, what it logged as JSON at
 * level `warn` or above, else the last line; empty: it said nothing. Pure.
 */
export function reasonIn(lastWords: string): string {
  const lines = lastWords
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const logged = lines.map(loggedFault).filter((text) => text !== '');
  return (
    lines.findLast((line) => saysPortTaken(line) || /^\w*Error\b/.test(line)) ?? logged.at(-1) ?? lines.at(-1) ?? ''
  );
}

/** Whether a program says that its port is taken: Node's code, or the text of strerror(3). */
export function saysPortTaken(text: string): boolean {
  return /EADDRINUSE|address already in use/i.test(text);
}

/** What an entry of a log in JSON says; empty: the line is none, or nothing is wrong. */
function loggedFault(line: string): string {
  try {
    const { level, msg, error = '', hint = '' } = JSON.parse(line) as Record<string, unknown>;
    return Number(level) >= WARN ? [msg, error, hint].filter((part) => part !== '').join('; ') : '';
  } catch {
    return '';
  }
}

/** pino's number of the level `warn`. */
const WARN = 40;
