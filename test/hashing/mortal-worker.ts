import { parentPort } from 'node:worker_threads'
import { perform, type Task } from '../../src/hashing/compute.ts'

/** Hashes as the service does, and dies of one password: by an exception, or without a word. */
parentPort?.on('message', (task: Task) => {
  if ('make' in task && task.secret === 'throw') throw new Error('died')
  if ('make' in task && task.secret === 'exit') process.exit(7)
  parentPort?.postMessage('make' in task ? `${task.secret} ${perform(task)}` : perform(task))
})
