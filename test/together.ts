import { join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const files = process.argv.slice(2).map((name) => resolve(name))

/** Tests that have begun and not ended, and files that nobody has read yet: whoever ends the process early fails all of it. */
let open = files.length
process.on('exit', () => {
  if (open > 0) process.exitCode = 1
})

/** Runs the test files named as arguments in this process, one after another; one without a test fails. */
for (const file of files) {
  let tests = 0
  const count = (test: { on: (event: 'end', listener: () => void) => unknown }): void => {
    tests += 1
    open += 1
    test.on('end', () => {
      open -= 1
    })
  }
  t.testdirName = join(root, '.tap/fixtures', relative(root, file).replaceAll(/[\\/]/g, '-')) // its own name is too long for a folder
  t.on('subtestAdd', count)
  await import(pathToFileURL(file).href)
  t.off('subtestAdd', count)
  if (tests === 0) t.fail(`${file} has no test`)
  else open -= 1
}
