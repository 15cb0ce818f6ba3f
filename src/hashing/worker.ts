import { constants, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { perform, type Task } from './work.ts'

// On Linux this is the thread's own priority: while somebody logs in, everybody else's sessions are checked first.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_BELOW_NORMAL)

parentPort?.on('message', (task: Task) => parentPort?.postMessage(perform(task)))
