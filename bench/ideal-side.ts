import { v7 } from 'uuid'
import { codeOf, digest, newToken } from './ideal.ts'
import type { Send } from './load.ts'
import { newAddress, ring, type Side } from './side.ts'
import type { World } from './world.ts'

/** The yardstick; see ideal.ts. */
export async function idealSide({ pool, ideal }: World, users: number): Promise<Side> {
  const challenges: string[] = []

  async function makeChallenges(count: number): Promise<void> {
    const ids = Array.from({ length: count }, () => v7())
    await pool.query(
      `insert into ideal.challenge (id, email, code_digest)
       select id, email, code_digest from unnest($1::uuid[], $2::text[], $3::bytea[]) as made (id, email, code_digest)`,
      [ids, ids.map(newAddress), ids.map((id) => digest(codeOf(id)))]
    )
    challenges.push(...ids)
  }

  const made = Array.from({ length: users }, () => ({ access: newToken(), refresh: newToken() }))
  const userIds = made.map(() => v7())
  await pool.query(
    `insert into ideal."user" (id, email) select id, email from unnest($1::uuid[], $2::text[]) as made (id, email)`,
    [userIds, made.map(newAddress)]
  )
  await pool.query(
    `insert into ideal.session (id, user_id, token_digest, refresh_digest)
     select id, user_id, token, refresh
     from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[]) as made (id, user_id, token, refresh)`,
    [
      made.map(() => v7()),
      userIds,
      made.map(({ access }) => digest(access)),
      made.map(({ refresh }) => digest(refresh))
    ]
  )
  const nextReader = ring(users)
  const nextRefresher = ring(users)
  const refreshTokens = made.map(({ refresh }) => refresh)
  const request = (send: Send) => send<{ challenge: string }>('POST', '/otp', { email: newAddress() })
  const verify = (send: Send, challenge: string) =>
    send<{ access_token: string }>('POST', '/verify', { challenge, code: codeOf(challenge) })

  return {
    server: ideal,
    firstSteps: { session: users },
    prepare: async (row, steps) => {
      if (row === 'verify' && challenges.length < steps) await makeChallenges(steps - challenges.length)
    },
    steps: {
      request: async (send) => {
        await request(send)
        return true
      },
      verify: async (send) => {
        const challenge = challenges.pop()
        if (challenge !== undefined) await verify(send, challenge)
        return challenge !== undefined
      },
      login: async (send) => {
        const { challenge } = await request(send)
        const { access_token } = await verify(send, challenge)
        await send('GET', '/session', undefined, access_token)
        return true
      },
      session: async (send) => {
        await send('GET', '/session', undefined, made[nextReader()]?.access)
        return true
      },
      refresh: async (send) => {
        const turn = nextRefresher()
        const body = { refresh_token: refreshTokens[turn] }
        refreshTokens[turn] = (await send<{ refresh_token: string }>('POST', '/refresh', body)).refresh_token
        return true
      },
      forgot: async (send) => {
        await send('POST', '/forgot', { email: newAddress() })
        return true
      }
    }
  }
}
