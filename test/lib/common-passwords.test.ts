import t from 'tap'
import { isCommonPassword } from '../../src/lib/common-passwords.ts'

t.test('a listed password is found in any case, and no part or neighbour of one', async (t) => {
  for (const listed of ['password', 'PASSWORD', '123456', 'correct', 'qwertyuiop'])
    t.equal(await isCommonPassword(listed), true, listed)
  for (const other of [
    'ustno1',
    'uperman1',
    '',
    ',',
    '","',
    '","password","',
    'password"',
    'vexing otter',
    '\\u0070assword'
  ])
    t.equal(await isCommonPassword(other), false, other)
})
