import t from 'tap'

/** Metrics of sources that a test sets. They are loaded late: a test of this process sees whether the service loads them by itself. */
async function sourcesOf() {
  const { metricsOf } = await import('../../src/metrics/metrics.ts')
  const found = { refused: 0, overdue: async () => 0 }
  const metrics = metricsOf({
    mailKinds: ['code'],
    deliveries: { count: () => 0 },
    longestWait: () => 0,
    overdue: () => found.overdue(),
    hashes: {
      waiting: 0,
      get refused() {
        return found.refused
      }
    },
    breachCheckFailures: () => 2,
    connections: () => ({ inUse: 0, waiting: 0 }),
    strained: () => false
  })
  const scraped = async (name: string) => new RegExp(`^${name} (.*)$`, 'm').exec(await metrics.text())?.[1]
  return { found, scraped }
}

t.test('a counter says what was counted, however often it is scraped', async (t) => {
  const { found, scraped } = await sourcesOf()
  found.refused = 3

  t.equal(await scraped('postern_hashes_refused_total'), '3')
  t.equal(await scraped('postern_hashes_refused_total'), '3')
  found.refused = 5
  t.equal(await scraped('postern_hashes_refused_total'), '5')
  t.equal(await scraped('postern_breach_check_failures_total'), '2')
})

t.test(
  'while the database is out of reach nothing is said of the mails that wait in it, not even what was true',
  async (t) => {
    const { found, scraped } = await sourcesOf()
    found.overdue = async () => 70
    const before = await scraped('postern_mail_overdue_seconds')
    found.overdue = () => Promise.reject(new Error('no database'))
    const lost = await scraped('postern_mail_overdue_seconds')
    found.overdue = async () => 90

    t.strictSame([before, lost, await scraped('postern_mail_overdue_seconds')], ['70', undefined, '90'])
  }
)
