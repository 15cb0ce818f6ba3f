import { sameText, sha256 } from '../lib/capability.ts'

/** Whether a key is one of the trusted callers'; in a time that does not tell how much of it was right. */
export function callerCheck(keys: readonly string[]): (given: string) => boolean {
  const digest = (key: string): string => sha256(key).toString('base64url')
  const digests = keys.map(digest)
  return (given) => {
    const asked = digest(given)
    return digests.map((known) => sameText(known, asked)).includes(true)
  }
}
