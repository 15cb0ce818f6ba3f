import { readFileSync } from 'node:fs'
import t from 'tap'
import { start } from '../helper.ts'

const typeOf: Record<string, string> = {
  uuid: 'string',
  text: 'string',
  cidr: 'string',
  _text: 'string[]',
  timestamptz: 'Date',
  bytea: 'Buffer',
  int2: 'number',
  int4: 'number',
  float8: 'number',
  bool: 'boolean',
  jsonb: 'unknown'
}
/** Types of text that only takes some values. */
const text = /^('|CodeAlphabet|MailState)/

/** What `src/db/tables.ts` says: each column as `table.column: type`. */
function declared(): string[] {
  const page = readFileSync(new URL('../../src/db/tables.ts', import.meta.url), 'utf8')
  const tables = new Map([...page.matchAll(/^ {2}(\w+): (\w+Table)$/gm)].map(([, table, type]) => [type, table]))
  return [...page.matchAll(/^type (\w+Table) = \{\n(.*?)^\}/gms)].flatMap(([, name, body]) =>
    [...(body as string).matchAll(/^ {2}(\w+): (.*)$/gm)].map(([, column, type]) => {
      const [, defaulted, wrapped] = /^(Defaulted<)?(.*?)>?$/.exec(type as string) as RegExpExecArray
      const plain = text.test(wrapped as string) ? 'string' : wrapped
      return `${tables.get(name as string)}.${column}: ${plain}${defaulted ? ', by default' : ''}`
    })
  )
}

t.test('the page of tables says what the migrations have made', async (t) => {
  const { sql } = await start(t)
  const columns = await sql<{ place: string; type: string; empty: boolean; filled: boolean }>(`
    select table_name || '.' || column_name as place, udt_name as type, is_nullable = 'YES' as empty,
      column_default is not null as filled
    from information_schema.columns
    where table_schema = 'postern' and table_name not like 'kysely%'`)
  const made = columns.map(({ place, type, empty, filled }) => {
    const plain = `${typeOf[type] ?? type}${empty ? ' | null' : ''}`
    return `${place}: ${plain}${filled ? ', by default' : ''}`
  })
  t.ok(made.length > 100)
  t.strictSame(declared().sort(), made.sort())
})
