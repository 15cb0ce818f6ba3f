import { relative } from 'node:path'
import t from 'tap'

/**
 * Runs test files, each in a process of its own. tap's command line would have each of them load what measures coverage, which
 * nobody asked for, and would have to be built for its plugins first. Arguments: how many files at once, then the files.
 */
const [jobs, ...files] = process.argv.slice(2)

/** Seconds for a whole file, and for each test in it. */
const PATIENCE = 300

t.jobs = Number(jobs)
t.setTimeout(0)
for (const file of files)
  void t.spawn(
    process.execPath,
    [file],
    { buffered: true, timeout: 1000 * PATIENCE, env: { ...process.env, TAP_TIMEOUT: String(PATIENCE) } },
    relative(process.cwd(), file)
  )
