import type { ApiClient, Json } from './api-client.ts';

/**
 * Every object of a collection, page by page, so that a big cluster is never held in memory.
 *
 * @param query encoded parameters, as of {@link labelSelector}
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

/** The query that asks for objects with a label: `app=web`, `app` of any value, `!app` of none. */
export function labelSelector(label: string): string {
  return `labelSelector=${encodeURIComponent(label)}`;
}

/** The query that asks for objects of one name. */
export function nameSelector(name: string): string {
  return `fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`;
}

/** client-go's page size. */
const PAGE_SIZE = 500;
