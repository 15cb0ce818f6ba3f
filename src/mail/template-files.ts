import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'

/** A template as it was read; `language` is a canonical tag, null for the layout that all languages share. */
export type TemplateFile = { path: string; language: string | null; text: string }

/** Where the first fault of each file is written down. */
export type Faults = Map<string, string>

export const LAYOUT = 'layout.html.liquid'

/**
 * Reads a folder of templates: the layout and a subfolder per language. The result is keyed in lower case, as
 * `pt-br/code.text.liquid`. A file in the folder that is not a template is a fault: otherwise a misspelt name would silently have
 * no effect.
 *
 * @param names the file names that a language may have
 */
export async function readTemplates(root: string, names: ReadonlySet<string>, faults: Faults) {
  const files = new Map<string, TemplateFile>()

  const take = async (path: string, language: string | null, name: string): Promise<void> => {
    const key = language === null ? name : `${language.toLowerCase()}/${name}`
    if (!(await realpath(path)).startsWith((await realpath(root)) + sep)) faults.set(path, 'leads outside the folder')
    else if (files.has(key)) faults.set(path, 'exists twice; the names differ only in upper and lower case')
    else files.set(key, { path, language, text: tidy(await readFile(path, 'utf8')) })
  }

  const visit = async (path: string, name: string): Promise<void> => {
    if (name === LAYOUT) return take(path, null, name)
    const language = (await stat(path)).isDirectory() ? canonicalTag(name) : undefined
    if (language === undefined)
      faults.set(path, `is neither ${LAYOUT} nor the folder of a language, such as pt or pt-BR`)
    else await eachIn(path, faults, (inner, file) => visitLanguage(inner, file, language))
  }

  const visitLanguage = async (path: string, name: string, language: string): Promise<void> => {
    if (names.has(name)) await take(path, language, name)
    else faults.set(path, `is not a template; there are ${[...names].join(', ')}`)
  }

  await eachIn(root, faults, visit)
  return files
}

/** Entries that begin with a dot are skipped: a mounted Kubernetes volume keeps its versions in such folders. */
async function eachIn(folder: string, faults: Faults, visit: (path: string, name: string) => Promise<void>) {
  const unreadable = (path: string) => (error: NodeJS.ErrnoException) => {
    faults.set(path, `cannot be read (${error.code})`)
    return []
  }
  for (const name of (await readdir(folder).catch(unreadable(folder))).sort()) {
    const path = join(folder, name)
    if (!name.startsWith('.')) await visit(path, name).catch(unreadable(path))
  }
}

function canonicalTag(name: string): string | undefined {
  try {
    return /^[a-z]{2,3}(-|$)/i.test(name) ? Intl.getCanonicalLocales(name)[0] : undefined
  } catch {
    return undefined
  }
}

/** Some editors write a byte order mark and CRLF line ends; neither belongs in a mail. */
const tidy = (text: string): string => text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n')
