import { parentPort } from 'node:worker_threads'
import { perform, type Task } from './compute.ts'
import { lowerThreadPriority } from './thread-priority.ts'

lowerThreadPriority()
parentPort?.on('message', (task: Task) => parentPort?.postMessage(perform(task)))
