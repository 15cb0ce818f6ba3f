import compiler from '@fastify/fast-json-stringify-compiler'

const compileFor = compiler()

/**
 * Compiles a serializer for every answer but problems, which are rare and go through JSON.stringify: the contract has many more
 * of them than of all other answers, and a start would have to compile each.
 */
export const buildSerializer: ReturnType<typeof compiler> = (schemas, options) => {
  const compile = compileFor(schemas, options)
  return (route) =>
    'contentType' in route && route.contentType === 'application/problem+json' ? JSON.stringify : compile(route)
}
