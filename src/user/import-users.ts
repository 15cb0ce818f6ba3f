import type { Context } from '../context.ts'
import { newId } from '../lib/identifier.ts'
import type { Line } from '../lib/lines.ts'
import { type PortableUser, RowFault, readUser } from './portable.ts'
import { findHolders, insertUsers } from './portable-store.ts'

/** Accounts per statement; memory use does not grow with the file. */
const AT_ONCE = 500

type Imported = { imported: number; known: number; refused: number }
type Row = PortableUser & { number: number }

/**
 * Makes an account of each line. An address that has an account already is left as it is, so that the same file may be
 * imported again; a line that cannot be taken is reported, and the rest goes on.
 *
 * @param report gets the number of a refused line and the reason
 * @param progress gets the bytes that are done
 */
export async function importUsers(
  ctx: Context,
  lines: AsyncIterable<Line>,
  report: (line: number, reason: string) => void,
  progress: (bytes: number) => void
): Promise<Imported> {
  const totals: Imported = { imported: 0, known: 0, refused: 0 }
  const refuse = (line: number, reason: string): void => {
    totals.refused += 1
    report(line, reason)
  }
  let rows: Row[] = []
  const taken = new Set<string>()
  const flush = async (): Promise<void> => {
    if (rows.length > 0) await importBatch(ctx, rows, totals, refuse)
    rows = []
    taken.clear()
  }

  for await (const line of lines) {
    const row = readLine(ctx, line, refuse)
    if (row !== undefined) {
      const names = namesOf(row)
      if (names.some((name) => taken.has(name))) await flush()
      for (const name of names) taken.add(name)
      rows.push(row)
    }
    if (rows.length < AT_ONCE) continue
    await flush()
    progress(line.end)
  }
  await flush()
  return totals
}

/** What no two rows of a statement may share: of two lines the first counts, and a statement has no order. */
const namesOf = ({ emailKey, id, externalId }: Row): string[] => [
  `address ${emailKey}`,
  ...(id === null ? [] : [`id ${id}`]),
  ...(externalId === null ? [] : [`external_id ${externalId}`])
]

function readLine(ctx: Context, line: Line, refuse: (line: number, reason: string) => void): Row | undefined {
  if (line.text === undefined) {
    refuse(line.number, line.fault)
    return undefined
  }
  if (line.text.trim() === '') return undefined
  try {
    return { ...readUser(ctx, line.text), number: line.number }
  } catch (error) {
    if (!(error instanceof RowFault)) throw error
    refuse(line.number, error.message)
    return undefined
  }
}

async function importBatch(
  ctx: Context,
  rows: readonly Row[],
  totals: Imported,
  refuse: (line: number, reason: string) => void
): Promise<void> {
  const ids = rows.map(({ id }) => id ?? newId())
  const made = await insertUsers(ctx.db, {
    ids,
    emails: rows.map((row) => row.email),
    emailKeys: rows.map((row) => row.emailKey),
    emailMacs: rows.map((row) => ctx.secrets.addressMac(row.emailKey)),
    verified: rows.map((row) => row.verified),
    passwordHashes: rows.map((row) => row.passwordHash),
    locales: rows.map((row) => row.locale),
    externalIds: rows.map((row) => row.externalId),
    disabled: rows.map((row) => row.disabled),
    eventIds: rows.map(() => newId())
  })
  totals.imported += made.length
  const fresh = new Set(made.map(({ id }) => id))
  const left = rows.filter((_row, index) => !fresh.has(ids[index] as string))
  if (left.length === 0) return

  const holders = await findHolders(ctx.db, {
    emailKeys: left.map((row) => row.emailKey),
    ids: left.map((row) => row.id),
    externalIds: left.map((row) => row.externalId)
  })
  for (const { place, reason } of holders.sort((a, b) => a.place - b.place)) {
    if (reason === null) totals.known += 1
    else refuse((left[place - 1] as Row).number, reason)
  }
}
