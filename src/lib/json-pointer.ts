/** A JSON Pointer (RFC 6901) to a member of the outermost object. */
export const pointerTo = (name: string): string => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
