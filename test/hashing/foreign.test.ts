import { Readable } from 'node:stream'
import t from 'tap'
import { importUsers } from '../../src/user/import-users.ts'
import { newKey, start } from '../helper.ts'
import { idOf } from '../keys/command.ts'
import { passwordsOf } from './hashing.ts'

const passwords = passwordsOf(t)
const password = 'Grüße, 世界 🗝 correct horse'

/** Each made elsewhere: passlib 1.7 and its bcrypt and argon2-cffi, libxcrypt, Django 5, Python's hashlib. */
const made: Record<string, string> = {
  'bcrypt $2a$ by py-bcrypt': '$2a$04$2xORjDBxWrOYMsTYwYLUEePTVyFA2bhFiWIru.a4dw7TSpNauaEy6',
  'bcrypt $2y$ by py-bcrypt': '$2y$04$nxXxtm2.JD5npk6C5sYCuehwO0XdpvjUTj6VmR84y.jxA4WX0tdxm',
  'bcrypt $2b$ by libxcrypt': '$2b$04$abcdefghijklmnopqrstuuG2IabOXehs7OCRv0HeGv4LFw/B.tkFS',
  'argon2id by argon2-cffi': '$argon2id$v=19$m=1024,t=2,p=2$e9b/iixYI8u4ZnzfpjhI8Q$HlC0d33usl5Af1Dlc/QJ7u4rrb2V2MoL',
  'argon2i by argon2-cffi': '$argon2i$v=19$m=1024,t=2,p=2$nVWE02LBMLfIf+amcJekGg$4LHpHADB/0PAbHvbSnk21+r68GX2kCwK',
  'scrypt by passlib': '$scrypt$ln=10,r=8,p=2$sBai1LpXqpWSEqJ07j3nXA$pJ9lzxUpQRk0oIFRTmPBn0YiaqSwwamGwbSVUZkN4I0',
  'PBKDF2 with SHA-1 by passlib': '$pbkdf2$1500$UCplDGFsTUmJsRYihPC.lw$iC4R18HeBXefwgbcjznhJCeUTBA',
  'PBKDF2 with SHA-256 by passlib':
    '$pbkdf2-sha256$1500$AGCslXIuxRgDoPR.b82Z8w$hmCX57luaYVIk728niTI72qq2lTcdeuCe7y6W5JSFIs',
  'PBKDF2 with SHA-512 by passlib':
    '$pbkdf2-sha512$1500$ZKy1dk5pTcmZszYGICTEOA$BC8zL/cov3.i4uViacpEUySLv9rIXrb8jaMhr98/QL.p2tTzz45asfY9IBJM5S/7PucuqaMwHvGuQaN4167Lcg',
  'PBKDF2 as a PHC string by hashlib':
    '$pbkdf2-sha512$i=1000,l=64$MDEyMzQ1Njc4OWFiY2RlZg$/F0/cOqTH4EIRLy6kAVJsdn30a9m32g7KYRWHqaRpivGK59Aj8jwkY/+GIIR3nTUjLLRvM6ChwPzmBxpu7VQ5A',
  'PBKDF2 with SHA-256 by Django': 'pbkdf2_sha256$1000$seasalt2x$uptfaTaokRVMNdKT/DDrZ3M2t+GDpLMo14BOlxMpK8I=',
  'PBKDF2 with SHA-1 by Django': 'pbkdf2_sha1$1000$seasalt2$ObE0fmeYgZF4Vd2PIxoOFMeyKiw='
}

for (const [name, stored] of Object.entries(made)) {
  t.test(`${name} is checked, and outdated`, async (t) => {
    t.ok(await passwords.check(password, stored))
    t.notOk(await passwords.check(`${password}!`, stored))
    t.ok(passwords.outdated(stored))
  })
}

const signer = 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=='
const signed = 'lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=='
const ofFirebase = `$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=${signer}$42xEC+ixf3L2lw==$${signed}`

t.test("Firebase's own example is checked", async (t) => {
  t.ok(await passwords.check('user1password', ofFirebase))
  t.notOk(await passwords.check('user2password', ofFirebase))
})

const ofDecomposed = '$2b$04$PcLUvXHmX7DEnkVYETFo7.b0hY0OmurQIBeDUq2AwbUmsMQFT7CWG'

t.test('a service that did not compose letters hashed them as they were typed', async (t) => {
  t.ok(await passwords.check('Grüße'.normalize('NFD'), ofDecomposed))
})

t.test(
  'whoever is imported with any of them signs in with the same password, and then has a hash of our own',
  async (t) => {
    const pepper = newKey()
    const { api, ctx, sql } = await start(t, { BCRYPT_COST: '4', PASSWORD_PEPPERS: pepper })
    const brought = [
      ...Object.entries(made).map(([name, stored]) => ({ name, stored, right: password })),
      { name: 'scrypt by Firebase', stored: ofFirebase, right: 'user1password' },
      { name: 'bcrypt of decomposed letters', stored: ofDecomposed, right: 'Grüße'.normalize('NFD') }
    ].map((one, nth) => ({ ...one, email: `p${nth}@example.com` }))
    const lines = brought.map(({ email, stored }, nth) => ({
      number: nth + 1,
      text: JSON.stringify({ email, email_verified: true, password_hash: stored }),
      end: nth
    }))
    const report = (line: number, reason: string) => t.fail(`line ${line} ${reason}`)
    await importUsers(ctx, Readable.from(lines), report, () => {})
    const storedFor = async (email: string) =>
      (await sql<{ hash: string }>('select password_hash as hash from postern."user" where email = $1', [email]))[0]
        ?.hash
    const ours = `$postern$v=1$k=${idOf(pepper)}$2b$04$`

    for (const { name, stored, right, email } of brought) {
      t.equal(await storedFor(email), stored, `${name} is stored as it came`)

      const refused = await api.loginWithPassword({ email, password: `${right}!` })
      t.match(refused.problem, { code: 'credentials-rejected' }, name)
      t.equal(await storedFor(email), stored, `${name} stays when the password was wrong`)

      t.equal((await api.loginWithPassword({ email, password: right })).status, 200, name)
      const upgraded = await storedFor(email)
      t.ok(upgraded?.startsWith(ours), `${name} has become ${upgraded?.slice(0, ours.length)}`)

      t.equal((await api.loginWithPassword({ email, password: right })).status, 200, `${name}, once more`)
      t.equal(await storedFor(email), upgraded, 'and once is enough')
    }
  }
)

t.test('what cannot be read is no password, and costs what others cost', async (t) => {
  const passwords = passwordsOf(t, { BCRYPT_COST: '9' })
  const unreadable = [
    '',
    'plain text',
    '$1$abcdefgh$G//4keteveJp0qb8z2DxG/',
    '$2x$04$2xORjDBxWrOYMsTYwYLUEePTVyFA2bhFiWIru.a4dw7TSpNauaEy6',
    '$2b$03$2xORjDBxWrOYMsTYwYLUEePTVyFA2bhFiWIru.a4dw7TSpNauaEy6',
    '$argon2id$v=16$m=1024,t=2,p=2$e9b/iixYI8u4ZnzfpjhI8Q$HlC0d33usl5Af1Dlc/QJ7u4rrb2V2MoL',
    '$argon2id$v=19$m=8,t=1,p=2$e9b/iixYI8u4ZnzfpjhI8Q$HlC0d33usl5Af1Dlc/QJ7u4rrb2V2MoL',
    '$pbkdf2-sha256$0$AGCslXIuxRgDoPR.b82Z8w$hmCX57luaYVIk728niTI72qq2lTcdeuCe7y6W5JSFIs',
    'pbkdf2_sha256$1000$seasalt2x$uptf',
    '$scrypt$ln=16,r=1,p=1$sBai1LpXqpWSEqJ07j3nXA$pJ9lzxUpQRk0oIFRTmPBn0YiaqSwwamGwbSVUZkN4I0', // OpenSSL makes none
    // Digest and signer key are as long as each other, or one of them is not whole.
    `$fbscrypt$v=1,n=1,r=1,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdA==$42xEC+ixf3L2lw==$${'A'.repeat(43)}=`,
    `$postern$v=2$k=-${made['bcrypt $2b$ by libxcrypt']}`,
    `$2b$04$${'a'.repeat(5000)}`
  ]

  for (const stored of unreadable) {
    const begun = performance.now()

    t.notOk(await passwords.check(password, stored))

    t.ok(performance.now() - begun > 10, 'a hash was made')
  }
})

t.test('a hash above the ceilings is refused without its work', async (t) => {
  await passwords.hash('a thread is there')
  const costly = [
    '$2b$15$2xORjDBxWrOYMsTYwYLUEePTVyFA2bhFiWIru.a4dw7TSpNauaEy6',
    '$2b$31$2xORjDBxWrOYMsTYwYLUEePTVyFA2bhFiWIru.a4dw7TSpNauaEy6',
    '$argon2id$v=19$m=4194304,t=1,p=1$e9b/iixYI8u4ZnzfpjhI8Q$HlC0d33usl5Af1Dlc/QJ7u4rrb2V2MoL',
    '$argon2id$v=19$m=1024,t=999999999,p=1$e9b/iixYI8u4ZnzfpjhI8Q$HlC0d33usl5Af1Dlc/QJ7u4rrb2V2MoL',
    '$argon2id$v=19$m=512,t=2048,p=64$e9b/iixYI8u4ZnzfpjhI8Q$HlC0d33usl5Af1Dlc/QJ7u4rrb2V2MoL',
    '$scrypt$ln=1,r=1,p=2097152$sBai1LpXqpWSEqJ07j3nXA$pJ9lzxUpQRk0oIFRTmPBn0YiaqSwwamGwbSVUZkN4I0',
    '$scrypt$ln=30,r=8,p=1$sBai1LpXqpWSEqJ07j3nXA$pJ9lzxUpQRk0oIFRTmPBn0YiaqSwwamGwbSVUZkN4I0',
    '$scrypt$ln=10,r=8,p=999999$sBai1LpXqpWSEqJ07j3nXA$pJ9lzxUpQRk0oIFRTmPBn0YiaqSwwamGwbSVUZkN4I0',
    '$fbscrypt$v=1,n=14,r=9999999,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdA==$42xEC+ixf3L2lw==$jxspr8Ki0RYycVU8zykbdA==',
    'pbkdf2_sha256$999999999$seasalt2x$uptfaTaokRVMNdKT/DDrZ3M2t+GDpLMo14BOlxMpK8I=',
    `$pbkdf2-sha1$900000$UCplDGFsTUmJsRYihPC.lw$${'a'.repeat(160)}`
  ]

  const begun = performance.now()
  for (const stored of costly) t.notOk(await passwords.check(password, stored))

  t.ok(performance.now() - begun < 20_000, 'one of them alone would take minutes')
})
