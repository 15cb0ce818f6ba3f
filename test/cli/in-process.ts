import type { Test } from 'tap'

/** Runs a command in this process, which saves the second that a start of its own takes; answers what it said. */
export async function inProcess(t: Test, command: () => Promise<number>) {
  const [out, err] = [t.capture(console, 'log', () => undefined), t.capture(console, 'error', () => undefined)]
  const said = (captured: typeof out): string =>
    captured()
      .map(({ args }) => `${args.join(' ')}\n`)
      .join('')
  try {
    const code = await command()
    return { code, out: said(out), err: said(err) }
  } finally {
    out.restore()
    err.restore()
  }
}
