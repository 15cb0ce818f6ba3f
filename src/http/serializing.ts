import compiler from '@fastify/fast-json-stringify-compiler'

const compileFor = compiler()

/**
 * Compiles a serializer for every answer but problems, which are rare and go through JSON.stringify: there are many more of
 * them in the contract than of all the rest, and a start would wait for each.
 */
export const buildSerializer: ReturnType<typeof compiler> = (schemas, options) => {
  const compile = compileFor(schemas, options)
  return (route) =>
    'contentType' in route && route.contentType === 'application/problem+json' ? JSON.stringify : compile(route)
}
