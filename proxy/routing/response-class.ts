import type { ResponseClass, ResponsePredicate } from '../../api/routing.ts';

/** Says of an answer's HTTP status (and gRPC status, '' where there is none) whether it is a success. */
export type Classifier = (status: number, grpcStatus: string) => boolean;

/** Compiles response classes: the first that holds decides, else the gRPC status, else the status. */
export function compileClasses(classes: readonly ResponseClass[]): Classifier {
  const compiled = classes.map(({ when, isFailure }) => ({ holds: compileCondition(when), isFailure }));
  return (status, grpcStatus) => {
    for (let i = 0; i < compiled.length; i++) if (compiled[i]!.holds(status)) return !compiled[i]!.isFailure;
    return grpcStatus === '' ? status < 500 : !GRPC_FAILURES.has(grpcStatus);
  };
}

function compileCondition(predicate: ResponsePredicate): (status: number) => boolean {
  if ('all' in predicate) {
    const parts = predicate.all.map(compileCondition);
    return (status) => parts.every((part) => part(status));
  }
  if ('any' in predicate) {
    const parts = predicate.any.map(compileCondition);
    return (status) => parts.some((part) => part(status));
  }
  if ('not' in predicate) {
    const part = compileCondition(predicate.not);
    return (status) => !part(status);
  }
  const { min, max } = predicate.status;
  return (status) => status >= min && status <= max;
}

/** gRPC statuses that are the server's failure: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const GRPC_FAILURES = new Set(['2', '4', '13', '14', '15']);
