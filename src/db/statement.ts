import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
  sql
} from 'kysely'
import { gateOf, shortcutOf } from './connect.ts'
import { isStaleStatement, mayRepeat } from './failure.ts'
import type { Db, Tables, Tx } from './tables.ts'

export type SqlTypes = {
  uuid: string
  'uuid?': string | null
  text: string
  'text?': string | null
  'text[]': string[]
  'text?[]': (string | null)[]
  'uuid[]': string[]
  'uuid?[]': (string | null)[]
  'bytea[]': Buffer[]
  'bytea?[]': (Buffer | null)[]
  'bool[]': boolean[]
  'cidr?[]': (string | null)[]
  int4: number
  'int4[]': number[]
  float8: number
  'float8[]': number[]
  bool: boolean
  bytea: Buffer
  'bytea?': Buffer | null
  'cidr?': string | null
  timestamptz: Date
}
type Parameters = Record<string, keyof SqlTypes>
export type Values<P extends Parameters> = { [K in keyof P]: SqlTypes[P[K]] }
export type Slots<P extends Parameters> = { [K in keyof P]: RawBuilder<SqlTypes[P[K]]> }

class Slot {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

const compiler = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler()
  }
})

/** Gives a slot that is used several times one number, so that its value is sent and parsed once. */
function numbered<Row>(query: CompiledQuery<Row>): CompiledQuery<Row> {
  const places = new Map<unknown, number>()
  const numbers = query.parameters.map((value) => {
    const key = value instanceof Slot ? value.name : Symbol('a value')
    if (!places.has(key)) places.set(key, places.size + 1)
    return places.get(key) as number
  })
  const parameters = query.parameters.filter((_value, index) => numbers.indexOf(numbers[index] as number) === index)
  return {
    ...query,
    parameters,
    sql: query.sql.replace(/\$(\d+)/g, (_found, place) => `$${numbers[Number(place) - 1]}`)
  }
}

const TRIES = 3

/**
 * A statement built once and run many times: Kysely builds and escapes it, requests only fill it in.
 * Flows of several CTEs are written as SQL, which reads better than a builder nested five deep.
 *
 * @param parameters the statement's parameters and their Postgres types; each use is cast, so that the server never guesses
 * @returns a function that runs it. Conflicts with others (40001, 40P01) are tried three times in all, or `tries`
 *   times, unless it runs inside a transaction, which only its owner can repeat.
 */
export function statement<P extends Parameters, Row>(
  parameters: P,
  build: (slots: Slots<P>) => RawBuilder<Row>
): (db: Db, values: Values<P>, tries?: number) => Promise<Row[]> {
  let compiled: CompiledQuery<Row> | undefined
  const compile = (): CompiledQuery<Row> => {
    const slots = Object.entries(parameters).map(([name, type]) => [
      name,
      sql`${new Slot(name)}::${sql.raw(type.replace('?', ''))}`
    ])
    return numbered(build(Object.fromEntries(slots) as Slots<P>).compile(compiler))
  }

  return async (db, values, tries) => {
    compiled ??= compile()
    const query = compiled
    const parameters = query.parameters.map((value) => (value instanceof Slot ? values[value.name] : value))
    const shortcut = shortcutOf(db)
    const run = async (): Promise<Row[]> =>
      shortcut === undefined
        ? (await db.executeQuery<Row>({ ...query, parameters })).rows
        : ((await shortcut(query.sql, parameters)) as Row[])
    return await retried(db, run, tries)
  }
}

/** As `statement`, for what holds only together with its neighbours: it runs inside their transaction, and a pool does not fit. */
export const statementInTx: <P extends Parameters, Row>(
  parameters: P,
  build: (slots: Slots<P>) => RawBuilder<Row>
) => (tx: Tx, values: Values<P>) => Promise<Row[]> = statement

/** Runs a transaction, and repeats it after a conflict; everything inside must be safe to run twice. */
export async function transaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  const run = (): Promise<T> => retried(db, () => db.transaction().execute(work))
  return await (gateOf(db)?.pass(run) ?? run())
}

async function retried<T>(db: Db, run: () => Promise<T>, tries = TRIES): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      const again = (mayRepeat(error) && attempt < tries) || (isStaleStatement(error) && attempt < TRIES)
      if (!again || db.isTransaction) throw error
    }
  }
}
