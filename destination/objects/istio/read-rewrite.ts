import { authorityFault, pathFault, pathPartFault } from '../../../core/http/head-text.ts';
import type { FieldReader } from '../field-reader.ts';
import { patternFault } from '../pattern-fault.ts';
import type { RuleRewrite } from './virtual-service.ts';

/** Reads `rewrite`. Source: VirtualService, "HTTPRewrite". */
export function readRewrite(reader: FieldReader): RuleRewrite {
  reader.allow(['uri', 'authority', 'uriRegexRewrite']);
  const uri = reader.optionalText('uri', pathFault);
  const authority = reader.optionalText('authority', authorityFault);
  const regex = readRegex(reader.nested('uriRegexRewrite'));
  if (uri !== null && regex) reader.problem('uriRegexRewrite', 'excludes uri, which stands beside it');
  if (!['uri', 'authority', 'uriRegexRewrite'].some((name) => reader.has(name)))
    reader.problem('', 'says nothing; write uri, authority or uriRegexRewrite');
  return { authority, uri, regex };
}

function readRegex(reader: FieldReader | null): RuleRewrite['regex'] {
  if (!reader) return null;
  reader.allow(['match', 'rewrite']);
  const pattern = reader.text('match') ?? '';
  const fault = patternFault(pattern);
  if (fault) reader.problem('match', fault);
  const substitution = reader.optionalText('rewrite') ?? '';
  if (!/^(?:[^\\]|\\[0-9\\])*$/.test(substitution)) reader.problem('rewrite', 'has a \\ that is no group such as \\1');
  const partFault = pathPartFault(substitution.replaceAll('\\', ''));
  if (partFault !== null) reader.problem('rewrite', partFault);
  return { pattern, substitution };
}
