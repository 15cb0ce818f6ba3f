import t from 'tap'
import { call } from '../contract-client.ts'
import { start } from '../helper.ts'

const id = '0198c5a1-7b1e-7c33-9d0c-0c5d2f6a1b42'

t.test('a body where none is needed is empty, or refused as anywhere else', async (t) => {
  const { url, signIn } = await start(t)
  const bearer = (await signIn('maya@example.com')).body.access_token
  const remove = (operation: string, type: string, body: string) =>
    call(url, operation, body, { bearer, id, headers: { 'content-type': type } })

  for (const operation of ['endOtherSessions', 'endSession', 'forgetDevice', 'deleteMe']) {
    t.equal((await remove(operation, 'text/plain', 'x')).status, 415, operation)
    t.equal((await remove(operation, 'application/json', `"${'x'.repeat(20_000)}"`)).status, 413, operation)
    t.equal((await remove(operation, 'application/json', '{')).status, 400, operation)
  }
  for (const body of ['{"a":1}', '[]', '"all"'])
    t.equal(
      (await remove('deleteMe', 'application/json', body)).status,
      400,
      'nothing is deleted by what nobody foresaw'
    )
  t.equal((await remove('endOtherSessions', 'application/json', '{}')).status, 200)
})
