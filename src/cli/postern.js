#!/usr/bin/env node
// Plain JavaScript, so that an older Node gets as far as saying what it lacks.
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(
    `Postern needs Node 24 and this is ${process.versions.node}: run it by "npm start" after "npm ci", which brings Node 24 along.`
  )
  process.exit(1)
}
// PID 1 of a container gets no signal that it does not listen for. One that comes while the program loads, or during a command, ends it
// as it would end any other process; once `serve` listens too, it is left to that.
if (process.pid === 1)
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'])
    process.once(signal, (_name, number) => {
      if (process.listenerCount(signal) === 0) process.exit(128 + number)
    })
import('node:module')
  .then(({ enableCompileCache }) => enableCompileCache())
  .then(() => import('./warm-up.js'))
  .then(({ warmUp }) => ['serve', undefined].includes(process.argv[2]) && warmUp())
  .then(() => import('./main.ts'))
  .then(({ run }) => run(process.argv.slice(2)))
