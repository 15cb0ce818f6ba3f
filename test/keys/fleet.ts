import type { Test } from 'tap'
import { type ChallengeRef, secretsOf } from '../../src/keys/secrets.ts'
import type { Answer } from '../contract-client.ts'
import { type Running, type Settings, start, until } from '../helper.ts'

/** Seconds an instance goes on serving after it was taken out of the balancer: for what is on its way. */
const LINGER = 0.2

/**
 * Instances behind a balancer that spreads requests evenly over whatever is in service.
 *
 * @param keys all master keys that will be in force at some time; the instances start with the first
 */
export async function startFleet(t: Test, keys: string[]) {
  const world = await start(t, { SECRET_KEYS: keys[0] as string })
  const mailbox = secretsOf(keys.map((key) => Buffer.from(key, 'base64url')))
  /** The code that the mail of a challenge holds, whichever key it was made by. */
  const codeOf = (challenge: string): string => mailbox.code(mailbox.readChallenge(challenge) as ChallengeRef)
  const fleet: Running[] = [world, await world.another()]
  let serving = [...fleet]
  let turn = 0
  const balanced = () => (serving[turn++ % serving.length] as Running).api

  /** Restarts the instances one after the other, as a rolling deployment does. `each` runs after each of them. */
  const deploy = async (changes: Settings, each: () => Promise<void> = async () => undefined): Promise<void> => {
    for (const [place, old] of fleet.entries()) {
      serving = fleet.filter((instance) => instance !== old)
      await old.stop(LINGER)
      fleet[place] = await world.another(changes)
      serving = [...fleet]
      await each()
    }
  }
  return { ...world, codeOf, balanced, deploy }
}

type Fleet = Awaited<ReturnType<typeof startFleet>>

/**
 * Clients that do what clients do, over and over, each request at whichever instance the balancer picks. Whatever is not
 * answered as it should be is kept in `faults`.
 */
export function keepBusy({ balanced, codeOf }: Fleet, clients: number) {
  const faults: string[] = []
  let going = true
  let rounds = 0

  const expect = async (what: string, status: number, asked: Promise<Answer>): Promise<Answer> => {
    const answer = await asked
    if (answer.status !== status) faults.push(`${what}: ${answer.status} ${answer.problem?.code}`)
    return answer
  }
  const client = async (number: number): Promise<void> => {
    const email = (): string => `client-${number}-${rounds}@example.com`
    let kept: string | undefined
    while (going && faults.length < 10) {
      const asked = await expect('request', 202, balanced().requestOtp({ email: email() }))
      const { challenge } = asked.body
      const signedIn = await expect('verify', 200, balanced().verifyOtp({ challenge, code: codeOf(challenge) }))
      const { access_token, refresh_token } = signedIn.body
      await expect('session', 200, balanced().getSession({ bearer: access_token }))
      const next = await expect('refresh', 200, balanced().refreshSession({ refresh_token }))
      const again = await expect('refresh again', 200, balanced().refreshSession({ refresh_token }))
      if (again.body.refresh_token !== next.body.refresh_token) faults.push('two tabs were given two tokens')
      await expect('session', 200, balanced().getSession({ bearer: next.body.access_token }))
      const old = kept ?? next.body.refresh_token
      kept = (await expect('old session', 200, balanced().refreshSession({ refresh_token: old }))).body.refresh_token
      if (old !== next.body.refresh_token)
        await expect('logout', 204, balanced().logout({ refresh_token: next.body.refresh_token }))
      rounds += 1
    }
  }
  const running = Promise.all(Array.from({ length: clients }, (_, number) => client(number))).catch((error: Error) => {
    faults.push(error.stack ?? error.message)
  })

  return {
    faults,
    /** Waits until the clients have done so many more rounds. */
    someRounds: async (count = 2 * clients): Promise<void> => {
      const goal = rounds + count
      await until(() => rounds >= goal || faults.length > 0, 60)
    },
    finish: async (): Promise<number> => {
      going = false
      await running
      return rounds
    }
  }
}
