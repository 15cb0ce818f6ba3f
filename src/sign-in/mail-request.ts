/** A request for a mail to an address, with a code or a link. */
export type MailRequest = {
  email: string
  locale: string | undefined
  acceptLanguage: string | undefined
  idempotencyKey: string | undefined
  deviceToken: string | undefined
}
