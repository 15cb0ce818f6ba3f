import { parentPort } from 'node:worker_threads'
import { giveWay } from './give-way.ts'
import { perform, type Task } from './work.ts'

giveWay()
parentPort?.on('message', (task: Task) => parentPort?.postMessage(perform(task)))
