import { readFileSync } from 'node:fs'
import t from 'tap'
import { exceptions, lintContract } from '../tools/contract/lint.ts'

const contract = readFileSync(new URL('../openapi/openapi.json', import.meta.url), 'utf8')

t.test('two linters with their own rules find nothing in the contract that is not explained', async (t) => {
  const { findings, needless } = await lintContract(contract)

  t.strictSame(findings, [])
  t.strictSame(needless, [], 'an exception that nothing needs is to be taken out')
  t.ok(exceptions.every(({ reason }) => reason.length > 0))
})

t.test('both of them see', async (t) => {
  const broken = JSON.parse(contract)
  broken.paths['/v1/otp'].post.operationId = 'verifyOtp'
  broken.paths['/v1/otp'].post.tags = ['Unheard of']

  const { findings } = await lintContract(JSON.stringify(broken))

  t.ok(findings.some(({ rule }) => rule.startsWith('redocly/')))
  t.ok(findings.some(({ rule }) => rule.startsWith('spectral/')))
})
