import pg from 'pg'
import t from 'tap'
import { SSL_MODES } from '../../src/lib/database-url.ts'

/** What pg makes of a query: false is a connection in the clear, true and an empty object one that is checked. */
const tlsOf = (query: string): unknown =>
  (new pg.Client({ connectionString: `postgres://db/postern${query}` }) as pg.Client & { ssl: unknown }).ssl

t.test('pg does with each sslmode what the settings say of it', async (t) => {
  const warned = t.capture(process, 'emitWarning', () => undefined)

  const made = Object.fromEntries(SSL_MODES.map((mode) => [mode, tlsOf(`?sslmode=${mode}`)]))

  t.strictSame(made, {
    disable: false,
    prefer: {},
    require: {},
    'verify-ca': {},
    'verify-full': {},
    'no-verify': { rejectUnauthorized: false }
  })
  t.match(warned.args(), [[/SECURITY WARNING/]])
  t.equal(tlsOf(''), false)
  t.equal(tlsOf('?ssl=true'), true)
  t.strictSame(tlsOf('?ssl=no-verify'), { rejectUnauthorized: false })
})

t.test('pg ignores what it does not know, which is why the settings refuse it', async (t) => {
  t.equal(tlsOf('?sslmod=verify-full'), false)
  t.equal(tlsOf('?sslmode='), false)
})
