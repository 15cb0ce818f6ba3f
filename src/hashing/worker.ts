import { constants, getPriority, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { perform, type Task } from './work.ts'

// On Linux this is the thread's own priority: while somebody logs in, everybody else's sessions are checked first. Where the
// service was given a lower one already, nobody but root may raise it.
const { PRIORITY_BELOW_NORMAL } = constants.priority
if (process.platform === 'linux' && getPriority() < PRIORITY_BELOW_NORMAL) setPriority(PRIORITY_BELOW_NORMAL)

parentPort?.on('message', (task: Task) => parentPort?.postMessage(perform(task)))
