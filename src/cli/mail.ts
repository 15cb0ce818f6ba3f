import type { Environment } from '../lib/env.ts'
import { findMailsOf } from '../mail/ledger-store.ts'
import { withAddress } from './with-address.ts'

const MOST = 50

/** Prints what happened to the mails to an address, and never their contents. */
export async function showMails(env: Environment, address: string | undefined): Promise<number> {
  return await withAddress(env, { address, unnamed: 'Name the email address.' }, async ({ db }, emailKey) => {
    const mails = await findMailsOf(db, { emailKey, most: MOST })
    if (mails.length === 0) console.log('No mail to this address is on record.')
    for (const { createdAt, kind, state, attempts, sentAt, messageId, answer } of mails) {
      const outcome = sentAt === null ? state : `${state} ${sentAt.toISOString()}`
      // A mail server's answer is foreign text and must not move the terminal's cursor.
      const said = answer === null ? '' : `  ${answer.replace(/\p{C}+/gu, ' ').trim()}`
      console.log(`${createdAt.toISOString()}  ${kind}  ${outcome}  retries: ${attempts}  ${messageId}${said}`)
    }
    return 0
  })
}
