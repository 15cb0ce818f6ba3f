import t from 'tap'
import { start } from '../helper.ts'

t.test('an idle connection is kept for longer than the ten minutes of a load balancer', async (t) => {
  const { url } = await start(t)

  const { headers } = await fetch(`${url}/livez`)

  t.equal(headers.get('keep-alive'), 'timeout=620')
})
