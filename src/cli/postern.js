#!/usr/bin/env node
// Plain JavaScript, so that an older Node gets as far as saying what it lacks.
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(
    `Postern needs Node 24 and this is ${process.versions.node}: run it by "npm start" after "npm ci", which brings Node 24 along.`
  )
  process.exit(1)
}
import('node:module')
  .then(({ enableCompileCache }) => enableCompileCache())
  .then(() => import('./warm-up.js'))
  .then(({ warmUp }) => ['serve', undefined].includes(process.argv[2]) && warmUp())
  .then(() => import('./main.ts'))
  .then(({ run }) => run(process.argv.slice(2)))
