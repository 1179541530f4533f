import { spawn } from 'node:child_process';

/** A program that answers each command on its standard input with one line, in order. */
export class LineProcess {
  readonly #child;
  readonly #waiting: ((line: string) => void)[] = [];
  #rest = '';

  constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdin.on('error', () => {}); // its end is heard by `close`
    this.#child.stdout.setEncoding('latin1');
    this.#child.stdout.on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) this.#waiting.shift()?.(line);
    });
    this.#child.on('close', (code) => {
      for (const answer of this.#waiting) answer(`the_process_ended_with_${code} `);
    });
  }

  /** Sends `input`, which holds commands with `count` answers. */
  ask(input: string | Buffer, count: number): Promise<string[]> {
    const answers = Array.from({ length: count }, () => new Promise<string>((resolve) => this.#waiting.push(resolve)));
    this.#child.stdin.write(input);
    return Promise.all(answers);
  }

  end(): void {
    this.#child.stdin.end();
  }
}
