import { createHash, createHmac, randomBytes } from 'node:crypto'
import bcrypt from 'bcryptjs'
import t from 'tap'
import { keyIdOf } from '../../src/lib/capability.ts'
import { newKey } from '../helper.ts'
import { passwordsOf } from './hashing.ts'

const argon2id = { PASSWORD_HASH: 'argon2id' }
const schemes = { bcrypt: {}, 'bcrypt with a pepper': { PASSWORD_PEPPERS: newKey() }, argon2id }

for (const [name, settings] of Object.entries(schemes)) {
  t.test(`${name}: the password matches and no other does`, async (t) => {
    const passwords = passwordsOf(t, settings)
    const long = 'x'.repeat(72)
    const pairs = [
      [`${long}a`, `${long}b`],
      ['before\0after', 'before\0other'],
      ['before\0', 'before'],
      ['🗝'.repeat(64), `${'🗝'.repeat(63)}🔑`],
      ['é'.repeat(512), `${'é'.repeat(511)}è`]
    ]

    for (const [right, wrong] of pairs as [string, string][]) {
      const stored = await passwords.hash(right)

      t.ok(await passwords.check(right, stored))
      t.notOk(await passwords.check(wrong, stored))
    }
  })

  t.test(`${name}: composed and decomposed letters are the same password`, async (t) => {
    const passwords = passwordsOf(t, settings)
    const [nfc, nfd] = ['Größenwahn'.normalize('NFC'), 'Größenwahn'.normalize('NFD')]

    const stored = await passwords.hash(nfd)

    t.ok(await passwords.check(nfc, stored))
    t.ok(await passwords.check(nfd, await passwords.hash(nfc)))
  })

  t.test(`${name}: one password is never stored alike twice`, async (t) => {
    const passwords = passwordsOf(t, settings)

    t.not(await passwords.hash('correct horse'), await passwords.hash('correct horse'))
  })
}

t.test('a stored hash says how it was made, in a way that others can repeat', async (t) => {
  const pepper = randomBytes(32)
  const plain = await passwordsOf(t).hash('correct horse')
  const peppered = await passwordsOf(t, { PASSWORD_PEPPERS: pepper.toString('base64url') }).hash('correct horse')
  const argon = await passwordsOf(t, argon2id).hash('correct horse')

  t.match(plain, /^\$postern\$v=1\$k=-\$2b\$04\$[./A-Za-z0-9]{53}$/)
  t.ok(bcrypt.compareSync(createHash('sha384').update('correct horse').digest('base64'), plain.slice(16)))
  t.ok(peppered.startsWith(`$postern$v=1$k=${keyIdOf(pepper)}$2b$04$`))
  t.ok(bcrypt.compareSync(createHmac('sha384', pepper).update('correct horse').digest('base64'), peppered.slice(23)))
  t.match(argon, /^\$postern\$v=1\$k=-\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
})

t.test('a hash is outdated when another scheme, cost or pepper is in force', async (t) => {
  const [older, newer] = [newKey(), newKey()]
  const stored = await passwordsOf(t, { PASSWORD_PEPPERS: older }).hash('correct horse')
  const outdatedUnder = (settings: Record<string, string>) => passwordsOf(t, settings).outdated(stored)

  t.notOk(outdatedUnder({ PASSWORD_PEPPERS: older }))
  t.notOk(outdatedUnder({ PASSWORD_PEPPERS: `${older},${newer}` }))
  t.ok(outdatedUnder({ PASSWORD_PEPPERS: `${newer},${older}` }))
  t.ok(outdatedUnder({}))
  t.ok(outdatedUnder({ PASSWORD_PEPPERS: older, BCRYPT_COST: '5' }))
  t.ok(outdatedUnder({ PASSWORD_PEPPERS: older, ...argon2id }))
  t.ok(passwordsOf(t).outdated(stored.replace('v=1', 'v=2')))
  t.ok(passwordsOf(t).outdated(bcrypt.hashSync('correct horse', 4)))
})

t.test('whatever scheme and pepper are in force, older hashes are still checked', async (t) => {
  const [older, newer] = [newKey(), newKey()]
  const stored = await Promise.all([
    passwordsOf(t).hash('correct horse'),
    passwordsOf(t, argon2id).hash('correct horse'),
    passwordsOf(t, { PASSWORD_PEPPERS: older, BCRYPT_COST: '5' }).hash('correct horse')
  ])
  const passwords = passwordsOf(t, { PASSWORD_PEPPERS: `${newer},${older}` })

  for (const hash of stored) {
    t.ok(await passwords.check('correct horse', hash))
    t.notOk(await passwords.check('correct house', hash))
  }
})

t.test('a pepper that is not here is an outage and no wrong password', async (t) => {
  const stored = await passwordsOf(t, { PASSWORD_PEPPERS: newKey() }).hash('correct horse')

  await t.rejects(passwordsOf(t).check('correct horse', stored), { code: 'unavailable' })
})
