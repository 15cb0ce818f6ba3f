import { readFileSync, writeFileSync } from 'node:fs'
import openapiTS, { astToString } from 'openapi-typescript'

const CONTRACT = new URL('../../openapi/openapi.json', import.meta.url)
const TYPES = new URL('../../openapi/types.ts', import.meta.url)

const HEADER = '// Made from openapi.json by `npm run openapi`; changes here are lost.\n\n'

/** TypeScript types of the contract, for openapi-fetch and its like. */
async function typesText(): Promise<string> {
  const contract = JSON.parse(readFileSync(CONTRACT, 'utf8'))
  return HEADER + astToString(await openapiTS(contract, { silent: true }))
}

const text = await typesText()
if (!process.argv.includes('--check')) writeFileSync(TYPES, text)
else if (readFileSync(TYPES, 'utf8') !== text) {
  console.error('openapi/types.ts is stale: run `npm run openapi` and commit it.')
  process.exitCode = 1
}
