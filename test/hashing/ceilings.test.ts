import t from 'tap'
import { parseHash } from '../../src/hashing/hash-format.ts'

const base64 = (bytes: number): string => Buffer.alloc(bytes, 1).toString('base64').replaceAll('=', '')
const salt = base64(16)

const bcrypt = (cost: number) => `$2b$${cost}$2xORjDBxWrOYMsTYwYLUEePTVyFA2bhFiWIru.a4dw7TSpNauaEy6`
const argon2 = (m: number, t: number, p: number) => `$argon2id$v=19$m=${m},t=${t},p=${p}$${salt}$${base64(32)}`
const scrypt = (ln: number, r: number, p: number) => `$scrypt$ln=${ln},r=${r},p=${p}$${salt}$${base64(32)}`
const firebase = (n: number, r: number, p: number) =>
  `$fbscrypt$v=1,n=${n},r=${r},p=${p},ss=Bw,sk=${base64(64)}$${salt}$${base64(64)}`
const pbkdf2 = (hash: string, i: number, digest: number) => `$pbkdf2-${hash}$i=${i}$${salt}$${base64(digest)}`

/** Each ceiling by itself: the last hash that is checked, and the first that is not. */
const ceilings: [what: string, last: string, beyond: string][] = [
  ['the cost of bcrypt', bcrypt(14), bcrypt(15)],
  ['the memory of argon2', argon2(262_144, 1, 1), argon2(262_145, 1, 1)],
  ['the work of argon2', argon2(262_144, 4, 1), argon2(262_144, 5, 1)],
  ['the lanes of argon2', argon2(1024, 1, 64), argon2(1024, 1, 65)],
  ['the turns of argon2, whose lanes wait for one another', argon2(512, 128, 64), argon2(512, 129, 64)],
  ['the memory of scrypt', scrypt(19, 4, 1), scrypt(19, 5, 1)],
  ['the work of scrypt', scrypt(18, 8, 2), scrypt(18, 8, 3)],
  ['the blocks of scrypt', scrypt(1, 1024, 1), scrypt(1, 1025, 1)],
  ['the lanes of scrypt', scrypt(1, 1, 1024), scrypt(1, 1, 1025)],
  ['the blocks of Firebase’s scrypt', firebase(1, 1024, 1), firebase(1, 1025, 1)],
  ['the rounds of PBKDF2', pbkdf2('sha256', 3_000_000, 32), pbkdf2('sha256', 3_000_001, 32)],
  ['the rounds of PBKDF2 with SHA-512', pbkdf2('sha512', 1_000_000, 64), pbkdf2('sha512', 1_000_001, 64)],
  ['the rounds of PBKDF2 for each block', pbkdf2('sha1', 1_500_000, 40), pbkdf2('sha1', 1_500_001, 40)]
]

for (const [what, last, beyond] of ceilings)
  t.test(`a hash is refused as too costly beyond the ceiling of ${what}, and not before`, async (t) => {
    t.type(parseHash(last), 'object')
    t.equal(parseHash(beyond), 'too-costly')
  })

t.test('a digest of less than 16 bytes, or of more than 128, is no proof of a password', async (t) => {
  const read = (bytes: number) => parseHash(pbkdf2('sha256', 1000, bytes))

  t.strictSame([read(15), read(129)], ['unknown', 'unknown'])
  t.match([read(16), read(128)], [{ scheme: 'pbkdf2' }, { scheme: 'pbkdf2' }])
})
