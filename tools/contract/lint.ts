import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import spectralCore from '@stoplight/spectral-core'
import parsers from '@stoplight/spectral-parsers'
import rulesets from '@stoplight/spectral-rulesets'

const FILE = fileURLToPath(new URL('../../openapi/openapi.json', import.meta.url))

/** What a linter holds against the contract. */
type Finding = { rule: string; place: string; message: string }

/** Findings that stand, and why. */
export const exceptions: { rule: string; place: string; reason: string }[] = [
  {
    rule: 'spectral/info-contact',
    place: '#/info',
    reason: 'The contact is the operator of the service, whom the contract does not know.'
  }
]

/** Redocly's recommended rules and Spectral's for OpenAPI, warnings too, without the exceptions. */
export async function lintContract(source: string = readFileSync(FILE, 'utf8')) {
  const findings = [...(await byRedocly(source)), ...(await bySpectral(source))]
  const stands =
    (finding: Finding) =>
    ({ rule, place }: Pick<Finding, 'rule' | 'place'>) =>
      finding.rule === rule && finding.place === place
  return {
    findings: findings.filter((finding) => !exceptions.some(stands(finding))),
    needless: exceptions.filter((exception) => !findings.some((finding) => stands(finding)(exception)))
  }
}

async function byRedocly(source: string): Promise<Finding[]> {
  const config = await createConfig({ extends: ['recommended'] })
  const problems = await lintFromString({ source, absoluteRef: FILE, config })
  return problems.map(({ ruleId, location, message }) => ({
    rule: `redocly/${ruleId}`,
    place: String(location[0]?.pointer),
    message
  }))
}

async function bySpectral(source: string): Promise<Finding[]> {
  const { Document, Spectral } = spectralCore
  const spectral = new Spectral()
  spectral.setRuleset({ extends: [[rulesets.oas as never, 'recommended']] })
  const problems = await spectral.run(new Document(source, parsers.Json, FILE))
  return problems.map(({ code, path, message }) => ({
    rule: `spectral/${code}`,
    place: `#/${path.map((part) => String(part).replaceAll('/', '~1')).join('/')}`,
    message
  }))
}
