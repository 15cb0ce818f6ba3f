import { type Expression, type RawBuilder, sql } from 'kysely'
import type { SqlTypes } from './statement.ts'

/** The types that also have a list type. */
type Listed = { [T in keyof SqlTypes]: `${T}[]` extends keyof SqlTypes ? T : never }[keyof SqlTypes]
type Columns = Record<string, Listed>
export type RowOf<C extends Columns> = { [K in keyof C]: SqlTypes[C[K]] }
type ParametersOf<C extends Columns> = { [K in keyof C]: `${C[K]}[]` }

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/**
 * The rows that a statement takes many of at once: named and typed here, sent as one list for each column.
 *
 * `parameters` are the statement's, `values` fills them in, with the `rules` that all rows share, and `asked` is the CTE that
 * turns them into rows again: its columns are the names in snake_case, and `place`, from 1.
 */
export function rowsOf<const C extends Columns>(columns: C) {
  const names = Object.keys(columns) as (keyof C & string)[]
  const refs = sql.join([...names.map((name) => sql.ref(snake(name))), sql.ref('place')])
  const listsOf = (rows: readonly RowOf<C>[]) =>
    Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name])])) as { [K in keyof C]: RowOf<C>[K][] }
  return {
    columns,
    parameters: Object.fromEntries(names.map((name) => [name, `${columns[name]}[]`])) as ParametersOf<C>,
    values: <R extends object>(rows: readonly (RowOf<C> & { rules: R })[]) => ({
      ...listsOf(rows),
      ...(rows[0] as { rules: R }).rules
    }),
    /** @param which a condition on the rows */
    asked: (slots: { [K in keyof C]: Expression<unknown> }, which: RawBuilder<unknown> = sql`true`) => sql`
      select ${refs} from unnest(${sql.join(names.map((name) => slots[name]))}) with ordinality as asked (${refs})
      where ${which}`
  }
}
