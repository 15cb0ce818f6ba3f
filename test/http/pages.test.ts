import t from 'tap'
import { problemCodes } from '../../src/problems.ts'
import { start } from '../helper.ts'

t.test('the pages of problems run nothing, stand in no frame and may be kept for five minutes', async (t) => {
  const { url } = await start(t)
  const policy = /^default-src 'none'; style-src 'sha256-[\w+/]{43}='; .*frame-ancestors 'none'$/

  for (const path of ['/problems', ...problemCodes.map((code) => `/problems/${code}`)]) {
    const { headers } = await fetch(url + path)
    t.match(headers.get('content-security-policy'), policy, path)
    t.equal(headers.get('cache-control'), 'public, max-age=300', path)
  }
})
