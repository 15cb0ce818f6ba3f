import { basename, dirname, join, relative } from 'node:path'
import t from 'tap'

/**
 * Runs test files in processes of their own. tap's command line would have each of them load what measures coverage, which
 * nobody asked for, and would have to be built for its plugins first. Arguments: how many processes at once, then the files.
 */
const [jobs, ...files] = process.argv.slice(2)

/** Seconds for each test, and for all of a process. */
const PATIENCE = 300
/** Files that share a process: what it has loaded and compiled is most of the work of a test. */
const TOGETHER = 8
/** Folders whose files mostly wait for other processes; each file has a process of its own. */
const APART = ['.', 'cli', 'db', 'demo', 'timing']

const folderOf = (file: string): string => relative(import.meta.dirname, dirname(file)) || '.'

/** A folder and what of it runs together. */
const nameOf = (group: readonly [string, ...string[]]): string =>
  `${relative(process.cwd(), dirname(group[0]))}: ${group.map((file) => basename(file, '.test.ts')).join(', ')}`

function* inGroups(): Iterable<[string, ...string[]]> {
  for (const [folder, all] of Map.groupBy(files, folderOf)) {
    const size = APART.includes(folder) ? 1 : TOGETHER
    for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size) as [string, ...string[]]
  }
}

t.jobs = Number(jobs)
t.setTimeout(0)
for (const group of inGroups())
  void t.spawn(
    process.execPath,
    [join(import.meta.dirname, 'together.ts'), ...group],
    { buffered: true, timeout: 1000 * PATIENCE, env: { ...process.env, TAP_TIMEOUT: String(PATIENCE) } },
    nameOf(group)
  )
