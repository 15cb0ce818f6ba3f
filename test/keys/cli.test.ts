import t, { type Test } from 'tap'
import { compromiseKey, rotateKeys, showKeys } from '../../src/cli/keys.ts'
import { JWKS_MAX_AGE } from '../../src/keys/rotate.ts'
import { inProcess } from '../cli/in-process.ts'
import { newKey, start, until } from '../helper.ts'
import { refused } from '../session/signed-in.ts'
import { idOf, postern } from './command.ts'
import { decode } from './tokens.ts'

/** A deployment in the middle of a rotation: the old key made something, the new one is in front by now. */
async function startRotated(t: Test) {
  const [oldKey, newestKey] = [newKey(), newKey()]
  const keys = `${newestKey},${oldKey}`
  const before = await start(t, { SECRET_KEYS: `${oldKey},${newestKey}` })
  const { databaseUrl } = before
  const old = (await before.signIn('old@example.com')).body
  const oldCode = (await before.api.requestOtp({ email: 'old-code@example.com' })).body.challenge
  const { api, ctx } = await before.another({ SECRET_KEYS: keys })
  const young = (await before.signIn('new@example.com', api)).body
  const youngCode = (await api.requestOtp({ email: 'new-code@example.com' })).body.challenge
  await until(async () => (await before.sql("select from postern.mail where state = 'queued'")).length === 0)
  /** As an operator would, in a process of its own. */
  const program = (words: string, settings: Record<string, string> = {}) =>
    postern(['keys', ...words.split(' ')], { DATABASE_URL: databaseUrl, SECRET_KEYS: keys, ...settings })
  const command = (words: string, settings: Record<string, string> = {}) => {
    const [word, id] = words.split(' ')
    const env = { DATABASE_URL: databaseUrl, SECRET_KEYS: keys, ...settings }
    const work = { status: showKeys, rotate: rotateKeys }[word as string]
    return inProcess(t, () => (work ? work(env) : compromiseKey(env, id)))
  }
  return { ...before, api, ctx, program, command, oldKey, newestKey, keys, old, young, oldCode, youngCode }
}

/** A command's output says nothing that is secret. */
function tellsNothing(t: Test, { out, err }: { out: string; err: string }, keys: string[], databaseUrl: string): void {
  const secrets = [...keys, ...keys.map((key) => Buffer.from(key, 'base64url').toString('hex')), databaseUrl]
  for (const secret of secrets) t.notOk((out + err).includes(secret))
}

t.test('status tells which key makes, which verify, and what still needs them', async (t) => {
  const { program, oldKey, newestKey, databaseUrl } = await startRotated(t)

  const { code, out, err, seconds } = await program('status')

  t.equal(code, 0)
  t.equal(err, '')
  t.ok(seconds < 30, `it ends when it is done, after ${seconds} s`)
  t.match(out.trim().split('\n'), [
    `${idOf(newestKey)}  makes and verifies; in use by: session, challenge, signing_key, device`,
    `${idOf(oldKey)}  verifies; in use by: session, challenge, device`
  ])
  tellsNothing(t, { out, err }, [oldKey, newestKey], databaseUrl)
})

t.test('status says when a key that is in use is missing, and fails then', async (t) => {
  const { command, oldKey, newestKey } = await startRotated(t)
  const added = newKey()

  const { code, out } = await command('status', { SECRET_KEYS: `${newestKey},${added}` })

  t.equal(code, 1)
  t.match(out, `${idOf(oldKey)}  MISSING from SECRET_KEYS; in use by: session, challenge, device`)
  t.match(out, `${idOf(added)}  verifies; not in use`)
})

t.test('a key that only trusted devices name is shown as in use, and may be taken out all the same', async (t) => {
  const { command, sql, another, oldKey, newestKey, old } = await startRotated(t)
  await sql('update postern.session set revoked_at = now() where key_id = $1', [idOf(oldKey)])
  await sql('update postern.challenge set expires_at = now() where key_id = $1', [idOf(oldKey)])

  const kept = await command('status')
  const without = await command('status', { SECRET_KEYS: newestKey })
  const service = await another({ SECRET_KEYS: newestKey })

  t.equal(kept.code, 0)
  t.match(kept.out, `${idOf(oldKey)}  verifies; in use by: device\n`)
  t.equal(without.code, 0)
  t.match(without.out, `${idOf(oldKey)}  MISSING from SECRET_KEYS; in use by: device\n`)
  t.equal((await service.api.getReadiness()).status, 200)
  const asked = await service.api.requestOtp({ email: 'old@example.com', device_token: old.device_token })
  t.equal(asked.status, 202, 'the device asks as a stranger')

  await sql(`update postern.device set expires_at = now() where key_id = $1`, [idOf(oldKey)])
  t.match((await command('status')).out, `${idOf(oldKey)}  verifies; not in use\n`)
})

t.test('a key that only trusted devices name can be called compromised when it is taken out already', async (t) => {
  const { command, sql, oldKey, newestKey } = await startRotated(t)
  await sql('update postern.session set revoked_at = now() where key_id = $1', [idOf(oldKey)])
  await sql('update postern.challenge set expires_at = now() where key_id = $1', [idOf(oldKey)])

  const { code, out } = await command(`compromised ${idOf(oldKey)}`, { SECRET_KEYS: newestKey })

  t.equal(code, 0)
  t.match(out, 'forgot all devices')
  t.strictSame(await sql('select id from postern.device where expires_at > now()'), [])
})

t.test('a key that nobody knows ends nothing', async (t) => {
  const { command, old, young, api, oldKey, newestKey } = await startRotated(t)

  const { code, err, out } = await command('compromised 00000000')

  t.equal(code, 1)
  t.equal(out, '')
  t.match(
    err,
    `No key 00000000 is configured or in use, and nothing was ended. There are: ${idOf(newestKey)}, ${idOf(oldKey)}.`
  )
  for (const { access_token: bearer } of [old, young]) t.equal((await api.getSession({ bearer })).status, 200)
})

t.test('rotate publishes a signing key that signs when every client can know it', async (t) => {
  const { command, api, ctx, young, sql, signIn } = await startRotated(t)
  const oldKid = decode(young.access_token).header.kid

  const { code, out } = await command('rotate')

  t.equal(code, 0)
  const kid = /^The key (\S+) is published and starts signing in 300 seconds/.exec(out)?.[1] as string
  await ctx.signing.reload()
  const published = (await api.getJwks()).body.keys.map((key: { kid: string }) => key.kid)
  t.strictSame(new Set(published), new Set([kid, oldKid]))
  t.equal(decode((await signIn('old@example.com', api)).body.access_token).header.kid, oldKid)
  const [times] = await sql<{ waits: string; overlap: string }>(
    `select extract(epoch from n.activates_at - n.created_at)::int as waits,
      extract(epoch from o.retires_at - n.activates_at)::int as overlap
     from postern.signing_key as n, postern.signing_key as o where n.kid = $1 and o.kid = $2`,
    [kid, oldKid]
  )
  t.match(times, { waits: JWKS_MAX_AGE, overlap: 660 }, 'the old one verifies until its last token has run out')
})

t.test('rotate makes no key with settings that lack keys in use: they are not those of the service', async (t) => {
  const { command, oldKey, sql } = await startRotated(t)
  const kids = () => sql('select kid, retires_at from postern.signing_key')
  const before = await kids()

  const { code, out, err } = await command('rotate', { SECRET_KEYS: newKey() })

  t.equal(code, 1)
  t.equal(out, '')
  t.match(err, /^SECRET_KEYS lacks keys in use: .*\. Nothing was done/)
  t.match(err, idOf(oldKey))
  t.strictSame(await kids(), before)
})

t.test('compromised ends every session and all trust, and the codes that the key made', async (t) => {
  const { program, api, ctx, oldKey, newestKey, old, young, oldCode, youngCode, another, databaseUrl, sql, signIn } =
    await startRotated(t)
  const oldKid = decode(young.access_token).header.kid
  const codeOf = (challenge: string) =>
    ctx.secrets.code(ctx.secrets.readChallenge(challenge) as Parameters<typeof ctx.secrets.code>[0])
  const moved = await api.refreshSession({ refresh_token: old.refresh_token })

  const ended = await program(`compromised ${idOf(oldKey)}`)

  t.equal(moved.status, 200, 'a session that the leaked key opened has moved to the new one')
  t.equal(ended.code, 0)
  t.match(ended.out, `Ended all 2 sessions and 1 open codes of ${idOf(oldKey)}`)
  tellsNothing(t, ended, [oldKey, newestKey], databaseUrl)
  for (const { access_token, refresh_token } of [moved.body, young]) {
    refused(t, await api.getSession({ bearer: access_token }), 'session-rejected')
    refused(t, await api.refreshSession({ refresh_token }), 'refresh-rejected')
  }
  for (const table of ['device', 'known_network']) t.strictSame(await sql(`select 1 from postern.${table}`), [], table)
  refused(t, await api.verifyOtp({ challenge: oldCode, code: codeOf(oldCode) }), 'code-rejected')
  await ctx.signing.reload()
  const published = (await api.getJwks()).body.keys.map((key: { kid: string }) => key.kid)
  t.equal(published.length, 1)
  t.not(published[0], oldKid, 'access tokens are signed by a new key')
  t.equal((await api.verifyOtp({ challenge: youngCode, code: codeOf(youngCode) })).status, 200)

  const status = await program('status')
  t.match(status.out, `${idOf(oldKey)}  verifies; not in use`)
  const without = await another({ SECRET_KEYS: newestKey })
  t.equal((await without.api.getReadiness()).status, 200, 'the key can be taken out')
  const again = await signIn('new@example.com', api)
  t.equal((await without.api.getSession({ bearer: again.body.access_token })).status, 200)
})

t.test('compromised reaches everybody, however many there are', async (t) => {
  const { command, sql, oldKey } = await startRotated(t)
  await sql(`insert into postern.session (id, user_id, credential_version, seed_hash, generation, parent_generation,
      grandparent_generation, rotated_at, authenticated_at, idle_expires_at, expires_at, last_used_at, amr, key_id)
    select gen_random_uuid(), s.user_id, 1, s.id::text::bytea || n::text::bytea, 1, 1, 1, now(), now(), s.expires_at, s.expires_at, now(), '{}', s.key_id
    from (select * from postern.session limit 1) as s, generate_series(1, 25000) as n`)
  await sql(`insert into postern.device (id, email_key, seed_hash, expires_at, key_id)
    select gen_random_uuid(), 'many@example.com', n::text::bytea, now() + interval '1 day', 'x' from generate_series(1, 25000) as n`)
  await sql(`insert into postern.known_network (email_key, network, signed_in_at)
    select n::text, '192.0.2.0/24', now() from generate_series(1, 25000) as n`)

  const { code, out } = await command(`compromised ${idOf(oldKey)}`)

  t.equal(code, 0)
  t.match(out, 'Ended all 25002 sessions')
  t.strictSame(await sql('select 1 from postern.session where revoked_at is null'), [])
  t.strictSame(
    await sql('select 1 from postern.session where expires_at > now()'),
    [],
    'each would be looked at whenever an instance is asked whether it is ready'
  )
  for (const table of ['device', 'known_network']) t.strictSame(await sql(`select 1 from postern.${table}`), [], table)
})

t.test('compromised ends the mails of the key that wait as well', async (t) => {
  const { command, sql, oldKey } = await startRotated(t)
  await sql(`update postern.mail set state = 'queued', settled_at = null, due_at = now() + interval '1 hour'`)

  await command(`compromised ${idOf(oldKey)}`)

  const states = await sql('select state, count(*)::int from postern.mail where key_id = $1 group by 1', [idOf(oldKey)])
  t.strictSame(states, [{ state: 'expired', count: 2 }])
})

t.test('compromised lets notices leave that wait, under the newest key', async (t) => {
  const { command, sql, oldKey, newestKey } = await startRotated(t)
  await sql(
    `update postern.mail set state = 'queued', settled_at = null, due_at = now() + interval '1 hour', kind = 'password-changed'
    where id = (select id from postern.mail where key_id = $1 limit 1)`,
    [idOf(oldKey)]
  ) // behind a mail server that is down

  await command(`compromised ${idOf(oldKey)}`)

  const notices = await sql("select state, key_id from postern.mail where kind = 'password-changed'")
  t.strictSame(
    notices,
    [{ state: 'queued', key_id: idOf(newestKey) }],
    'the key may have been used for what they tell of'
  )
})

t.test('compromised replaces the signing key that the key had sealed', async (t) => {
  const { command, sql, stop, oldKey, newestKey } = await startRotated(t)
  await stop()
  await sql('update postern.signing_key set key_id = $1', [idOf(oldKey)]) // as a crash between two deployments leaves it

  const { code } = await command(`compromised ${idOf(oldKey)}`)

  t.equal(code, 0)
  const inForce = await sql('select key_id from postern.signing_key where retires_at is null or retires_at > now()')
  t.strictSame(inForce, [{ key_id: idOf(newestKey) }])
})

t.test('compromised wants a key by its id, and one that makes nothing any more', async (t) => {
  const { program, api, old, young, newestKey, oldKey } = await startRotated(t)

  const codes = await Promise.all(
    [
      'compromised',
      `compromised ${oldKey}`,
      'compromised ABCDEF01',
      'compromised %',
      'compromised -taken-for-an-id',
      `compromised ${idOf(newestKey)}`
    ].map(async (words) => (await program(words)).code)
  )

  t.strictSame(codes, [2, 2, 2, 2, 2, 1])
  for (const { access_token } of [old, young]) t.equal((await api.getSession({ bearer: access_token })).status, 200)
  t.equal((await api.getJwks()).body.keys.length, 1)
})

t.test('a command with settings that do not hold ends with one message and no secret', async (t) => {
  const { program, databaseUrl, keys } = await startRotated(t)

  const short = await program('status', { SECRET_KEYS: 'c2hvcnQ' })
  const nowhere = await program('status', { DATABASE_URL: databaseUrl.replace(/:\d+\//, ':1/') })

  t.equal(short.code, 1)
  t.match(short.err, 'SECRET_KEYS must be 32 bytes each')
  t.notMatch(short.err, 'c2hvcnQ')
  t.equal(nowhere.code, 1)
  t.match(nowhere.err, 'the database is not available')
  t.notMatch(nowhere.err, '    at ', 'no stack')
  tellsNothing(t, nowhere, [...keys.split(','), new URL(databaseUrl).password], databaseUrl)
})
