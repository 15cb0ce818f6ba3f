import { basename, dirname, join, relative } from 'node:path'
import t from 'tap'

/**
 * Runs test files in processes of their own. tap's command line would have each of them load what measures coverage, which
 * nobody asked for, and would have to be built for its plugins first. Arguments: how many processes at once, then the files.
 */
const [jobs, ...files] = process.argv.slice(2)

/** Seconds for each test. */
const PATIENCE = 300
/** Seconds for all of a process. */
const PATIENCE_FOR_ALL = 600
/** Files that share a process: what it has loaded and compiled is most of the work of a test. */
const TOGETHER = 8
/** Folders whose files mostly wait for other processes; each file has a process of its own. They take long and begin first. */
const FIRST = ['cli', 'demo']
/** What measures begins last: fewer run beside it then. */
const LAST = 'timing'

type Group = [string, ...string[]]

const folderOf = (file: string): string => relative(import.meta.dirname, dirname(file)) || '.'

/** A folder and what of it runs together. */
const nameOf = (group: Group): string =>
  `${relative(process.cwd(), dirname(group[0]))}: ${group.map((file) => basename(file, '.test.ts')).join(', ')}`

function inGroups(): Group[] {
  const groups = [...Map.groupBy(files, folderOf)].flatMap(([folder, all]) => {
    const size = FIRST.includes(folder) ? 1 : TOGETHER
    const count = Math.ceil(all.length / size)
    return Array.from({ length: count }, (_, at) => all.slice(at * size, (at + 1) * size) as Group)
  })
  const turnOf = ([file]: Group): number => {
    const folder = folderOf(file)
    if (folder === LAST) return 2
    return FIRST.includes(folder) ? 0 : 1
  }
  return groups.sort((one, other) => turnOf(one) - turnOf(other) || other.length - one.length)
}

/** As this process has them, and not as tap gives them to what it spawns: that would measure coverage again, a sixth of the work. */
const nodeOptions = `NODE_OPTIONS=${process.env.NODE_OPTIONS ?? ''}`

t.jobs = Number(jobs)
t.setTimeout(0)
for (const group of inGroups())
  void t.spawn(
    'env',
    [nodeOptions, process.execPath, join(import.meta.dirname, 'together.ts'), ...group],
    { buffered: true, timeout: 1000 * PATIENCE_FOR_ALL, env: { ...process.env, TAP_TIMEOUT: String(PATIENCE) } },
    nameOf(group)
  )
