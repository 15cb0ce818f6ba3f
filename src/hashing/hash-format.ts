/** A hash with everything needed to compute it again. */
export type ParsedHash =
  | { scheme: 'bcrypt'; hash: string }
  | { scheme: Argon2; memory: number; passes: number; lanes: number; salt: Buffer; digest: Buffer }
  | { scheme: 'scrypt'; cost: number; blocks: number; lanes: number; salt: Buffer; digest: Buffer }
  | { scheme: 'fbscrypt'; cost: number; blocks: number; lanes: number; salt: Buffer; signer: Buffer; digest: Buffer }
  | { scheme: 'pbkdf2'; hash: Pbkdf2Hash; iterations: number; salt: Buffer; digest: Buffer }

type Argon2 = 'argon2i' | 'argon2id'
type Pbkdf2Hash = 'sha1' | 'sha256' | 'sha512'

/** Why a stored hash cannot be checked. */
export type Refusal = 'unknown' | 'too-costly'

/** The longest text that is read: a hash with its parameters has some 300 characters. */
const LONGEST = 1024
/** Bytes of a digest; a shorter one is no proof of a password. */
const SHORTEST_DIGEST = 16
const LONGEST_DIGEST = 128

const B64 = '([A-Za-z0-9+/._-]+={0,2})'
const forms: [RegExp, (parts: string[]) => ParsedHash | Refusal][] = [
  [/^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/, ([cost, hash]) => bcrypt(Number(cost), hash as string)],
  [
    new RegExp(`^\\$(argon2id?)\\$v=19\\$m=(\\d{1,9}),t=(\\d{1,9}),p=(\\d{1,9})\\$${B64}\\$${B64}$`),
    ([scheme, m, t, p, salt, digest]) => argon2(scheme as Argon2, Number(m), Number(t), Number(p), of(salt), of(digest))
  ],
  [
    new RegExp(`^\\$scrypt\\$ln=(\\d{1,2}),r=(\\d{1,9}),p=(\\d{1,9})\\$${B64}\\$${B64}$`),
    ([ln, r, p, salt, digest]) => scrypt({ scheme: 'scrypt', ...work(ln, r, p), salt: of(salt), digest: of(digest) })
  ],
  [
    new RegExp(`^\\$fbscrypt\\$v=1,n=(\\d{1,2}),r=(\\d{1,9}),p=(\\d{1,9}),ss=${B64},sk=${B64}\\$${B64}\\$${B64}$`),
    ([n, r, p, separator, signer, salt, digest]) =>
      scrypt({
        scheme: 'fbscrypt',
        ...work(n, r, p),
        salt: Buffer.concat([of(salt), of(separator)]),
        signer: of(signer),
        digest: of(digest)
      })
  ],
  [
    new RegExp(`^\\$pbkdf2(-sha1|-sha256|-sha512|)\\$(?:i=)?(\\d{1,9})(?:,l=\\d{1,3})?\\$${B64}\\$${B64}$`),
    ([hash, iterations, salt, digest]) => pbkdf2(hash?.slice(1) || 'sha1', Number(iterations), of(salt), of(digest))
  ],
  // Django uses the salt as text, without decoding it.
  [
    new RegExp(`^pbkdf2_(sha1|sha256|sha512)\\$(\\d{1,9})\\$([!-#%-~]+)\\$${B64}$`),
    ([hash, iterations, salt, digest]) =>
      pbkdf2(hash as string, Number(iterations), Buffer.from(salt as string), of(digest))
  ]
]

/**
 * Reads the text forms in use: bcrypt `$2a$ $2b$ $2y$`, argon2i and argon2id as PHC strings, scrypt as PHC string,
 * Firebase's scrypt as `$fbscrypt$v=1,n=MEMORY_COST,r=ROUNDS,p=1,ss=SALT_SEPARATOR,sk=SIGNER_KEY$SALT$HASH`, PBKDF2 as
 * `$pbkdf2-sha256$i=N$salt$hash` (sha1, sha512) and as Django writes it. Base64 with or without padding, `.` for `+`.
 */
export function parseHash(text: string): ParsedHash | Refusal {
  if (text.length > LONGEST) return 'unknown'
  for (const [pattern, read] of forms) {
    const found = pattern.exec(text)
    if (found === null) continue
    const parsed = read([...found.slice(1), text])
    if (typeof parsed === 'object' && 'digest' in parsed)
      if (parsed.digest.length < SHORTEST_DIGEST || parsed.digest.length > LONGEST_DIGEST) return 'unknown'
    return parsed
  }
  return 'unknown'
}

// The ceilings for imported hashes, whose parameters others chose: about a second of one core, and the
// memory of one hash. A password whose letters are not composed (NFC) is checked in both spellings, and takes twice as long.
const MOST_BCRYPT_COST = 14
const MOST_MEMORY = 256 * 1024 * 1024
const MOST_ARGON2_WORK = 1024 * 1024 // KiB times passes
const MOST_ARGON2_TURNS = 8192 // passes times lanes: with little memory, lanes wait for one another longer than they work
const MOST_SCRYPT_WORK = 2 ** 22 // N times r times p
const MOST_SCRYPT_SHAPE = 1024 // r, and p: beyond it the same work takes several times as long
const MOST_PBKDF2_WORK = 3_000_000 // rounds of the hash, of SHA-1 or SHA-256
const SHA512_COST = 3 // of a round, which has no instructions of its own on most processors

const bcrypt = (cost: number, hash: string): ParsedHash | Refusal => {
  if (cost < 4) return 'unknown'
  return cost > MOST_BCRYPT_COST ? 'too-costly' : { scheme: 'bcrypt', hash }
}

function argon2(scheme: Argon2, memory: number, passes: number, lanes: number, salt: Buffer, digest: Buffer) {
  // RFC 9106 3.1: less is not valid argon2, and Node refuses it.
  if (passes < 1 || lanes < 1 || memory < 8 * lanes || salt.length < 8) return 'unknown'
  if (memory * 1024 > MOST_MEMORY || memory * passes > MOST_ARGON2_WORK) return 'too-costly'
  if (lanes > 64 || passes * lanes > MOST_ARGON2_TURNS) return 'too-costly'
  return { scheme, memory, passes, lanes, salt, digest }
}

function scrypt(parsed: Extract<ParsedHash, { scheme: 'scrypt' | 'fbscrypt' }>): ParsedHash | Refusal {
  const { cost, blocks, lanes } = parsed
  // RFC 7914 2: more is not valid scrypt, and OpenSSL refuses it.
  if (cost < 2 || blocks < 1 || lanes < 1 || cost >= 2 ** (16 * blocks)) return 'unknown'
  if (parsed.scheme === 'fbscrypt' && parsed.signer.length !== parsed.digest.length) return 'unknown' // one is the other, encrypted
  const odd = blocks > MOST_SCRYPT_SHAPE || lanes > MOST_SCRYPT_SHAPE
  const costly = odd || 128 * cost * blocks > MOST_MEMORY || cost * blocks * lanes > MOST_SCRYPT_WORK
  return costly ? 'too-costly' : parsed
}

function pbkdf2(name: string, iterations: number, salt: Buffer, digest: Buffer): ParsedHash | Refusal {
  const hash = name as Pbkdf2Hash
  const blocks = Math.ceil(digest.length / { sha1: 20, sha256: 32, sha512: 64 }[hash])
  if (iterations < 1) return 'unknown'
  const cost = iterations * blocks * (hash === 'sha512' ? SHA512_COST : 1)
  return cost > MOST_PBKDF2_WORK ? 'too-costly' : { scheme: 'pbkdf2', hash, iterations, salt, digest }
}

const work = (log2: string | undefined, r: string | undefined, p: string | undefined) => ({
  cost: 2 ** Number(log2),
  blocks: Number(r),
  lanes: Number(p)
})

const of = (base64: string | undefined): Buffer => Buffer.from((base64 ?? '').replaceAll('.', '+'), 'base64')
