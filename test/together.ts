import { join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'

const root = join(import.meta.dirname, '..')

/** Runs the test files named as arguments in this process, one after another; one without a test fails. */
for (const file of process.argv.slice(2).map((name) => resolve(name))) {
  let tests = 0
  const count = (): void => {
    tests += 1
  }
  t.testdirName = join(root, '.tap/fixtures', relative(root, file).replaceAll(/[\\/]/g, '-')) // its own name is too long for a folder
  t.on('subtestAdd', count)
  await import(pathToFileURL(file).href)
  t.off('subtestAdd', count)
  if (tests === 0) t.fail(`${file} has no test`)
}
