import Type, { type Static, type TSchema, type TSchemaOptions } from 'typebox'

/**
 * A reference to a schema that the contract names, with the type of what it refers to.
 *
 * @param description what it means at this place
 */
export const named = <T extends TSchema & { $id?: string }>(schema: T, description?: string) =>
  Type.Unsafe<Static<T>>({ ...(description && { description }), $ref: `${schema.$id}#` })

/** One of some texts. With its type, which generators of other languages do not conclude from the values. */
export const OneOf = <const T extends string[]>(values: readonly [...T], options: TSchemaOptions = {}) =>
  Type.Enum([...values], { type: 'string', ...options })

/** A language tag (BCP 47), as far as mails care for it. */
export const LANGUAGE_TAG = '^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$'

/** No NUL and no control characters. */
export const PRINTABLE = '^[^\\u0000-\\u001f\\u007f]*$'

/**
 * A text that can be stored: Postgres refuses NUL and mangles lone surrogates. The latter are a keyword of ours and no pattern, because
 * the regular expressions of some languages can't name them, and others would find them in every emoji.
 */
export const STORABLE = { pattern: PRINTABLE, 'x-well-formed': true } as const

export const wellFormed = {
  keyword: 'x-well-formed',
  type: 'string',
  validate: (_wanted: true, text: string): boolean => text.isWellFormed(),
  error: { message: 'must be well-formed Unicode' }
} as const

/** A UUID as Postgres takes it too: the format alone would let `urn:uuid:` pass. */
export const UUID = '^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$'

/** The id at the end of a path. @param description where it comes from */
export const IdParams = (description: string) =>
  Type.Object({ id: Type.String({ format: 'uuid', pattern: UUID, description }) })

export const IdempotencyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      format: 'uuid',
      pattern: UUID,
      description:
        'A random UUID, the same for every try of one request: a retry after a lost reply is then answered as the first try was. At /v1/otp/verify and /v1/password/reset that holds for a minute; later the code or the link is spent, and refused. A different request needs a different one.'
    })
  )
})

export const exampleDevice = 'dev_jZYkQAGiBF4zenNYqWI3xcbRVMNkQpC1u5mXw7dBFh8wkN2sYt0oQe5rL3aXc9Pn'

/** The token that names a device which has signed in before. */
export const DeviceToken = Type.String({
  minLength: 1,
  maxLength: 512,
  description:
    'The `device_token` of an earlier sign-in. A known device has limits of its own; an unknown one is treated as a stranger, and nothing worse.',
  examples: [exampleDevice]
})
