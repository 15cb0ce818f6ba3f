import { choice, list, optional } from './kinds.ts'

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
    'What an address without an account is mailed when sign-up is closed, and always when it asks for a password link: `notify` says that there is no account, `silent` sends nothing, which the load of the service shows to who measures it.'
  ),
  CHANGE_PASSWORD_URL: optional({
    description: 'Your page for changing a password; `/.well-known/change-password` redirects there.',
    defaultText: 'the demo at PUBLIC_URL; in production none'
  }),
  TEST_ADDRESSES: list(
    'Addresses that sign in with a fixed code until a day (UTC) and are never mailed, for app-store reviewers and test runs, as review@example.com:CODE:2027-01-31. In production a code has at least 12 characters.',
    { secret: true }
  )
}
