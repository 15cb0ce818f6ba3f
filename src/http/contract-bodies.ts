/** As much of a contract as is read and written here. */
type Contract = { paths?: Record<string, { post?: Operation }> }
type Operation = { requestBody?: { required?: boolean; content: Record<string, { schema: { required?: string[] } }> } }

/** The contract where a POST that needs no member may come without a body: the parser takes it for `{}`. The plugin says of all that they must have one. */
export function freeEmptyBodies<C extends object>(contract: C): C {
  for (const { post } of Object.values((contract as Contract).paths ?? {})) {
    const body = post?.requestBody
    if (body !== undefined && Object.values(body.content).every(({ schema }) => !schema.required?.length))
      body.required = false
  }
  return contract
}
