import t from 'tap'
import { openBrowser } from './browser.ts'
import { startOnTestServer } from './demo.ts'
import { testOwnAccount } from './own-account.ts'

const service = await startOnTestServer(t)
const { visitor } = await openBrowser(t)

testOwnAccount(t, { service, site: service.url, visitor })
