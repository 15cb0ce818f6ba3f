import t from 'tap'
import { readConfig } from '../src/config.ts'

t.test('slashes behind the address of the service are no part of it', async (t) => {
  const { PUBLIC_URL, TOKEN_AUDIENCE, RESET_URL } = readConfig({ PUBLIC_URL: 'https://auth.example.com//' })

  t.equal(PUBLIC_URL, 'https://auth.example.com')
  t.equal(TOKEN_AUDIENCE, 'https://auth.example.com')
  t.equal(RESET_URL, 'https://auth.example.com/reset-password.html')
})

t.test('the page that links lead to may have a query, and no fragment, where the token goes', async (t) => {
  const page = 'https://app.example.com/reset'

  t.equal(readConfig({ RESET_URL: `${page}?lang=de` }).RESET_URL, `${page}?lang=de`)
  for (const fragment of ['#', '#top'])
    t.throws(() => readConfig({ RESET_URL: page + fragment }), { message: /RESET_URL must be .* without a fragment/ })
})
