import type { ApiClient, Json } from './api-client.ts';

/**
 * Every object of a collection, page by page, so that a big cluster is never held in memory.
 *
 * @param query encoded parameters, `labelSelector=app%3Dweb`
 * @throws ApiError
 */
export async function* listPages(
  api: Pick<ApiClient, 'get'>,
  collection: string,
  query = '',
): AsyncGenerator<Json, void, undefined> {
  let next = '';
  do {
    const parameters = [query, `limit=${PAGE_SIZE}`, next && `continue=${encodeURIComponent(next)}`].filter(Boolean);
    const page = await api.get(`${collection}?${parameters.join('&')}`);
    yield* page.items ?? [];
    next = page.metadata?.continue ?? '';
  } while (next !== '');
}

/** The query that asks for objects of one name. */
export function nameSelector(name: string): string {
  return `fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`;
}

/** client-go's page size. */
const PAGE_SIZE = 500;
