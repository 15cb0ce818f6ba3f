import t from 'tap'
import { RecentTokens } from '../../src/keys/recent-tokens.ts'

t.test('of the tokens of a busy day the latest 20,000 are remembered', async (t) => {
  const recent = new RecentTokens()

  for (let nth = 0; nth <= 20_001; nth++) recent.add(`token ${nth}`, { sid: `${nth}`, exp: 0 })

  t.strictSame([recent.find('token 0'), recent.find('token 1')], [undefined, undefined])
  t.match([recent.find('token 2'), recent.find('token 20001')], [{ sid: '2' }, { sid: '20001' }])
})
