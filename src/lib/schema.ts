import Type, { type Static, type TSchema } from 'typebox'

/**
 * A reference to a schema that the contract names, with the type of what it refers to.
 *
 * @param description what it means at this place
 */
export const named = <T extends TSchema & { $id?: string }>(schema: T, description?: string) =>
  Type.Unsafe<Static<T>>({ ...(description && { description }), $ref: `${schema.$id}#` })
