import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { developmentKey } from '../../src/keys/development-key.ts'

t.test('a folder that cannot be made is told by the name of its setting', async (t) => {
  const file = join(t.testdir({ file: '' }), 'file')

  t.throws(() => developmentKey(join(file, 'data')), { message: /^DATA_DIR: .*data cannot be made/ })
})

t.test('the key of a development instance is made once, and nobody but its owner may read it', async (t) => {
  const folder = join(t.testdir({}), 'data')

  const [first, second] = [developmentKey(folder), developmentKey(folder)]

  t.equal(Buffer.from(first, 'base64url').length, 32)
  t.equal(second, first)
  t.equal(statSync(join(folder, 'secret-key')).mode & 0o777, 0o600)
})
