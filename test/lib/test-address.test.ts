import t from 'tap'
import { parseTestAddress } from '../../src/lib/test-address.ts'

t.test('an entry is an address, its code as a person may type it, and its last day', async (t) => {
  t.strictSame(parseTestAddress('Review@Example.com:abcd-efgh-jkmn:2027-01-31'), {
    key: 'review@example.com',
    code: 'ABCDEFGHJKMN',
    lastDay: '2027-01-31'
  })
  t.equal(parseTestAddress(' a@example.com : 0o1l 23456789 : 2028-02-29 ')?.code, '001123456789')
})

t.test('anything else is no entry', async (t) => {
  const bad = [
    '',
    'a@example.com',
    'a@example.com:ABCDEFGHJKMN',
    'a@example.com:ABCDEFGHJKMN:2027-1-31',
    'a@example.com:ABCDEFGHJKMN:2027-02-29',
    'a@example.com:ABCDEFGHJKMN:tomorrow',
    'a@example.com:ABCDEFGHJKMN:2027-01-31:more',
    'a@example.com:ABCDE:2027-01-31',
    'a@example.com:ABCDEFGHJKMU:2027-01-31',
    'a@example.com:ABCDEFG!JKMN:2027-01-31',
    `a@example.com:${'A'.repeat(65)}:2027-01-31`,
    'example.com:ABCDEFGHJKMN:2027-01-31'
  ]

  for (const entry of bad) t.equal(parseTestAddress(entry), undefined, entry)
})
