import ajvCompiler from '@fastify/ajv-compiler'
import jsonStringifyCompiler from '@fastify/fast-json-stringify-compiler'

type BuildSerializer = ReturnType<typeof jsonStringifyCompiler>
type BuildValidator = ReturnType<typeof ajvCompiler>

const serializersFor = jsonStringifyCompiler()
const validatorsFor = ajvCompiler()

/**
 * Compiles one serializer for all answers of one form, of whatever route; and none for problems, which are rare and go through
 * JSON.stringify: the contract has many more of them than of all other answers, and a start would have to compile each.
 */
export const buildSerializer: BuildSerializer = sharing((schemas, options) => {
  const compile = oncePerForm(serializersFor(schemas, options))
  return (route) =>
    'contentType' in route && route.contentType === 'application/problem+json' ? JSON.stringify : compile(route)
})

/** Compiles one validator for all that is shaped alike, of whatever route. Headers must be declared in lower case. */
export const buildValidator: BuildValidator = sharing((schemas, options) =>
  oncePerForm(validatorsFor(schemas, options))
)

/** What was built for the same schemas that others refer to serves again. */
function sharing<Schemas, Options, Built>(build: (schemas: Schemas, options: Options) => Built) {
  const built = new Map<string, Built>()
  return (schemas: Schemas, options: Options): Built => {
    const key = JSON.stringify(schemas)
    const known = built.get(key) ?? build(schemas, options)
    built.set(key, known)
    return known
  }
}

/** @param compile takes a schema with where it belongs, whatever its type says */
function oncePerForm<Route, Compiled>(compile: (route: Route) => Compiled) {
  const compiled = new Map<string, Compiled>()
  return (route: Route): Compiled => {
    const form = JSON.stringify((route as { schema: unknown }).schema)
    const known = compiled.get(form) ?? compile(route)
    compiled.set(form, known)
    return known
  }
}
