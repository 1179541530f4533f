import { FieldReader } from '../field-reader.ts';
import type { Fields } from '../json.ts';
import { readMeta } from '../meta.ts';
import { type Problem, refuseErrors } from '../problem.ts';
import { readJwtRule } from './read-jwt-rule.ts';
import type { RequestAuthentication } from './request-authentication.ts';
import { readTargetRefs } from './target-refs.ts';
import { readWorkloadSelector } from './workload-selector.ts';

/**
 * Reads a RequestAuthentication of any version. One error makes it unusable as a whole: a rule that is left out would turn good
 * tokens away, and one that is read by half would let bad ones by.
 *
 * @throws MalformedObject
 */
export function readRequestAuthentication(raw: Fields, problems: Problem[]): RequestAuthentication {
  const meta = readMeta(raw);
  const found: Problem[] = [];
  const reader = FieldReader.ofSpec(raw, found);
  reader.allow(['selector', 'targetRef', 'targetRefs', 'jwtRules']);
  const selector = readWorkloadSelector(reader);
  const isForOthers = readTargetRefs(reader);
  if (selector && isForOthers) reader.problem('targetRefs', 'excludes selector, which stands beside it');
  const rules = reader.nestedList('jwtRules');
  if (rules.length > MAX_RULES) reader.problem('jwtRules', `has ${rules.length} rules, ${MAX_RULES} at most`);
  if (rules.length === 0) reader.warning('jwtRules', 'is empty, and so no token is looked at');
  const object = { ...meta, selector, isForOthers, rules: rules.map(readJwtRule) };
  refuseErrors(found, problems);
  return object;
}

/**
 * What stands for one that cannot be read: nobody passes whom it may have meant to refuse, and where its tokens are is not known.
 * What can be read of whom it is for holds.
 */
export function refusalOfAll(raw: Fields): RequestAuthentication {
  const reader = FieldReader.ofSpec(raw, []);
  const faults: Problem[] = [];
  const selector = readWorkloadSelector(FieldReader.ofSpec(raw, faults));
  return {
    ...readMeta(raw),
    selector: faults.length === 0 ? selector : null,
    isForOthers: reader.has('targetRef') || reader.has('targetRefs'),
    rules: [],
    isStandIn: true,
  };
}

/** As Istio's schema has it. */
const MAX_RULES = 4096;
