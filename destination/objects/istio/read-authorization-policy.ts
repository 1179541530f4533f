import { FieldReader } from '../field-reader.ts';
import type { Fields } from '../json.ts';
import { readAnnotations, readMeta } from '../meta.ts';
import { type Problem, refuseErrors } from '../problem.ts';
import type { AuthorizationPolicy } from './authorization-policy.ts';
import { readAuthorizationRule } from './read-authorization-rule.ts';
import { readTargetRefs } from './target-refs.ts';
import { readWorkloadSelector } from './workload-selector.ts';

/**
 * Reads an AuthorizationPolicy of Istio, of any version. One error makes it unusable as a whole: half a policy would let by
 * what it was written against.
 *
 * @throws MalformedObject
 */
export function readAuthorizationPolicy(raw: Fields, problems: Problem[]): AuthorizationPolicy {
  const meta = readMeta(raw);
  const found: Problem[] = [];
  const reader = FieldReader.ofSpec(raw, found);
  reader.allow(['selector', 'targetRef', 'targetRefs', 'rules', 'action', 'provider']);
  const selector = readWorkloadSelector(reader);
  const isForOthers = readTargetRefs(reader);
  if (selector && isForOthers) reader.problem('targetRefs', 'excludes selector, which stands beside it');
  const action = readAction(reader);
  const rules = reader.nestedList('rules');
  if (rules.length > MAX_RULES) reader.problem('rules', `has ${rules.length} rules, ${MAX_RULES} at most`);
  if (action === 'DENY' && rules.length === 0) reader.warning('rules', 'is empty, and so nothing is refused');
  const policy: AuthorizationPolicy = {
    ...meta,
    selector,
    isForOthers,
    action,
    isDryRun: readDryRun(raw, found),
    rules: rules.map((entry) => readAuthorizationRule(entry, meta.namespace)),
  };
  refuseErrors(found, problems);
  return policy;
}

/**
 * What stands for one that cannot be read: nobody passes whom it may have meant to refuse. What can be read of whom it is for
 * holds; one that is only tried, audits, or is attached to something else can have meant nobody.
 */
export function denialOfAll(raw: Fields): AuthorizationPolicy {
  const reader = FieldReader.ofSpec(raw, []);
  const faults: Problem[] = [];
  const selecting = FieldReader.ofSpec(raw, faults);
  const selector = readWorkloadSelector(selecting);
  const everything = { path: '', from: [], to: [], when: [] };
  return {
    ...readMeta(raw),
    selector: faults.length === 0 ? selector : null,
    isForOthers: reader.has('targetRef') || reader.has('targetRefs'),
    isDryRun: readDryRun(raw, []),
    action: reader.fields.action === 'AUDIT' ? 'AUDIT' : 'DENY',
    rules: [everything],
  };
}

function readAction(reader: FieldReader): AuthorizationPolicy['action'] {
  const action = reader.optionalText('action') ?? 'ALLOW';
  if (action === 'CUSTOM') {
    reader.problem(
      'action',
      'CUSTOM asks an external authorizer, which no proxy here does: let the application ask it, or write ALLOW and DENY rules',
    );
    if (reader.has('provider')) reader.warning('provider', 'is not looked at: nobody is asked');
    return 'DENY';
  }
  if (reader.has('provider')) reader.problem('provider', 'belongs to the action CUSTOM');
  if (action === 'ALLOW' || action === 'DENY' || action === 'AUDIT') return action;
  reader.problem('action', `"${action}" is none of ALLOW, DENY, AUDIT`);
  return 'DENY';
}

/** Source: annotation `istio.io/dry-run`, read as Go's `strconv.ParseBool`; what is none does not count as true. */
function readDryRun(raw: Fields, found: Problem[]): boolean {
  const text = readAnnotations(raw)[DRY_RUN];
  if (text === undefined) return false;
  if (TRUE.includes(text)) return true;
  if (!FALSE.includes(text))
    found.push({ path: `metadata.annotations["${DRY_RUN}"]`, message: `"${text}" is neither true nor false` });
  return false;
}

const DRY_RUN = 'istio.io/dry-run';
const TRUE = ['1', 't', 'T', 'true', 'TRUE', 'True'];
const FALSE = ['0', 'f', 'F', 'false', 'FALSE', 'False'];
const MAX_RULES = 512;
