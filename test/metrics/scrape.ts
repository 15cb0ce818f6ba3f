import { until } from '../helper.ts'

type Scraped = {
  text: string
  /** The value of a line, such as `postern_mails_total{kind="code",outcome="sent"}`; undefined where there is none. */
  value: (line: string) => number | undefined
}

/** What Prometheus reads at an instance that has a port for metrics. */
export async function scrape({ metricsUrl }: { metricsUrl: string | undefined }): Promise<Scraped> {
  const answer = await fetch(metricsUrl ?? 'http://there.is.none.invalid', { signal: AbortSignal.timeout(10_000) })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`${answer.status}: ${text}`)
  const values = new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))])
  )
  return { text, value: (line) => values.get(line) }
}

/** Scrapes until a line has a value, for what another part does in its own time. */
export const scrapeUntil = (instance: { metricsUrl: string | undefined }, line: string, wanted: number) =>
  until(async () => {
    const scraped = await scrape(instance)
    return scraped.value(line) === wanted ? scraped : undefined
  })

/** The line that counts an operation's answers of a class. */
export const answers = (operation: string, status: string): string =>
  `postern_http_request_duration_seconds_count{operation="${operation}",status="${status}"}`

export const mails = (kind: string, outcome: string): string =>
  `postern_mails_total{kind="${kind}",outcome="${outcome}"}`
