import { ApiError } from './api-error.ts';

/**
 * A path of the API server's, as a template: apiPath`/api/v1/namespaces/${namespace}/pods/${name}`. Each value is one
 * segment of it and stays one, whoever chose it: a name that no object can have (empty, `.`, `..`, one with `/` or `%`;
 * Kubernetes' `IsValidPathSegmentName`) leads nowhere else.
 *
 * @returns the path, encoded, as {@link ApiClient} takes it
 * @throws ApiError 400 of reason `BadRequest`, as the server would answer it
 */
export function apiPath(texts: TemplateStringsArray, ...segments: readonly string[]): string {
  return texts.reduce((path, text, at) => `${path}${segmentOf(segments[at - 1]!)}${text}`);
}

function segmentOf(name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/%]/.test(name)) {
    throw new ApiError(400, 'BadRequest', `"${name}" is no name of an object`);
  }
  return encodeURIComponent(name);
}
