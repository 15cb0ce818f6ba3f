/** Loaded into the service where Postgres does not count statements: node-postgres counts them, and tells on its channel. */
import pg from 'pg'

const counts = new Map<string, number>()
const query = pg.Client.prototype.query as (...given: unknown[]) => unknown

pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
  const [first] = given
  const text = typeof first === 'string' ? first : (first as { text: string }).text
  counts.set(text, (counts.get(text) ?? 0) + 1)
  return query.apply(this, given)
} as typeof pg.Client.prototype.query

process.on('message', (question) => {
  if (question === 'reset') counts.clear()
  process.send?.([...counts].map(([text, calls]) => ({ text, calls })))
})
