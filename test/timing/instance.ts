/** One instance of the service, told what to do by its environment; it says where it listens, and ends with its parent. */
import { boot } from '../../src/boot.ts'
import { makeLog } from '../../src/cli/log.ts'
import { readConfig } from '../../src/config.ts'

const instance = await boot(readConfig(process.env), makeLog('warn'))
process.on('disconnect', () => void instance.stop().then(() => process.exit(0)))
process.send?.(instance.url)
