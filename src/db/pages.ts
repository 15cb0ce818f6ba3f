import { BEFORE_ALL } from '../lib/identifier.ts'

/**
 * Walks a table by the ids of its rows, a page at a time, each a statement of its own.
 *
 * @param next reads or changes the page after an id; the `lastId` of a page is null once there are no more rows
 */
export async function* pages<Page extends { lastId: string | null }>(
  next: (afterId: string) => Promise<Page[]>
): AsyncGenerator<Page> {
  let afterId: string | null = BEFORE_ALL
  while (afterId !== null) {
    const [page]: Page[] = await next(afterId)
    if (page !== undefined) yield page
    afterId = page?.lastId ?? null
  }
}
