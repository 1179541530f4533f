import { type Files, stateOf } from '../../state/testing/state-of.ts';
import { type Explanation, explain } from '../explain.ts';
import { printExplanation } from '../print.ts';
import { parseQuestion } from '../question.ts';

/** What is asked about: by default `GET http://api` of a client without a workload in `default`. */
export interface Asked {
  readonly method?: string;
  readonly url?: string;
  readonly from?: string;
  readonly headers?: readonly string[];
  /** Files and folders that are read besides. */
  readonly paths?: readonly string[];
}

/** Asks about a request as `weft why` does. */
export function ask(
  files: Files,
  { method = 'GET', url = 'http://api', from = '', headers = [], paths = [] }: Asked = {},
): { readonly explanation: Explanation; readonly text: string } {
  const question = parseQuestion(method, url, headers, from, 'default');
  const explanation = explain(stateOf(files, paths), question);
  return { explanation, text: printExplanation(question, explanation).join('\n') };
}
