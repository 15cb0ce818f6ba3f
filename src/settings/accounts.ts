import { choice } from './kinds.ts'

/** Who may have an account. */
export const accountsSettings = {
  SIGNUP: choice(
    ['open', 'closed'],
    'open',
    '`open`: a code goes to any address, and the right one makes an account. `closed`: only addresses that have an account get one.'
  ),
  UNKNOWN_ADDRESS: choice(
    ['notify', 'silent'],
    'notify',
    'With sign-up closed, an address without account gets a mail that says so, or nothing.'
  )
}
