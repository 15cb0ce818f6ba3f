import { type RawBuilder, sql } from 'kysely'

type Sql = RawBuilder<unknown>

/**
 * The body of a recursive CTE `ids` with one column `id`: the distinct values of `key`, and a null after the last of them. Each
 * is one look-up along an index that begins with `key`, however many rows have it.
 *
 * @param from the table, under the name by which `key` and the condition `which` speak of it
 */
export const distinctAlong = (from: Sql, key: Sql, which: Sql = sql`true`): Sql => sql`
  (select ${key} as id from ${from} where ${which} order by ${key} limit 1)
  union all
  select (select ${key} from ${from} where ${which} and ${key} > ids.id order by ${key} limit 1)
  from ids where ids.id is not null`
