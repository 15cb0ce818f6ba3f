import compiler from '@fastify/fast-json-stringify-compiler'

type Build = ReturnType<typeof compiler>
type Compile = ReturnType<Build>

const compileFor = compiler()
/** By the schemas that others refer to, then by their own. */
const known = new Map<string, Map<string, ReturnType<Compile>>>()

/**
 * Compiles one serializer for all answers of one form, of whatever route; and none for problems, which are rare and go through
 * JSON.stringify: the contract has many more of them than of all other answers, and a start would have to compile each.
 */
export const buildSerializer: Build = (schemas, options) => {
  const compile = compileFor(schemas, options)
  const shared = JSON.stringify(schemas)
  const compiled = known.get(shared) ?? new Map<string, ReturnType<Compile>>()
  known.set(shared, compiled)
  return (route) => {
    if ('contentType' in route && route.contentType === 'application/problem+json') return JSON.stringify
    const form = JSON.stringify(route.schema)
    const serialize = compiled.get(form) ?? compile(route)
    compiled.set(form, serialize)
    return serialize
  }
}
