import t from 'tap'
import { asFailure, DatabaseUnavailable, sqlState } from '../../src/db/failure.ts'

const failure = (code: string): Error => Object.assign(new Error('it failed'), code !== '' && { code })

t.test('a broken connection is an outage, by whatever name the system calls it', async (t) => {
  for (const code of [
    'EPIPE',
    'ECONNRESET',
    'ECONNREFUSED',
    'ETIMEDOUT',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    ''
  ]) {
    t.equal(sqlState(failure(code)), undefined, code)
    t.ok(asFailure(failure(code)) instanceof DatabaseUnavailable, code)
  }
})

t.test('what the server says of its own state is an outage, what it says of a statement is not', async (t) => {
  for (const code of [
    '08006',
    '25006',
    '25P03',
    '25P04',
    '28P01',
    '3D000',
    '53300',
    '57014',
    '57P01',
    '58030',
    'XX000'
  ])
    t.ok(asFailure(failure(code)) instanceof DatabaseUnavailable, code)
  for (const code of ['22P02', '23505', '25001', '40001', '42P01', '55P03', 'P0001']) {
    const error = failure(code)
    t.equal(asFailure(error), error, code)
    t.equal(sqlState(error), code)
  }
})

t.test('a mistake of ours is no outage', async (t) => {
  const mistake = new TypeError('not a function')

  t.equal(asFailure(mistake), mistake)
})
