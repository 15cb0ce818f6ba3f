import { join } from 'node:path'
import { Liquid } from 'liquidjs'
import { shortened } from '../lib/language.ts'
import { type Data, filler } from './fill.ts'
import { type Faults, LAYOUT, readTemplates, type TemplateFile } from './template-files.ts'

/** Every kind of mail, with the sample data it is tested with at start. A new kind needs a line here, and its files. */
const samples = {
  code: [
    { code: '052731', reference: 'QXKD', minutes: 10 },
    { code: '7Q2M9KD3TVX0H', reference: 'QXKD', minutes: 1 }
  ],
  'no-account': [{}],
  reset: [24, 5, 1, 0].map((hours) => ({ link: 'https://app.example.com/reset#token=rst_Example', hours })),
  'reset-no-account': [{}],
  'password-changed': [
    { time: '2026-11-22 09:30 UTC', client: 'Firefox, Windows' },
    { time: '2026-11-22 09:30 UTC', client: '' }
  ],
  'account-deleted': [
    { time: '2026-11-22 09:30 UTC', client: 'Firefox, Windows' },
    { time: '2026-11-22 09:30 UTC', client: '' }
  ]
} as const satisfies Record<string, readonly Data[]>

export type MailTemplate = keyof typeof samples
type Rendered = { subject: string; text: string; html: string }

export type Renderer = {
  /** The languages there are templates in, as canonical tags. */
  locales: readonly string[]
  /**
   * Renders in the best language for a tag: the tag, then the tag without its last subtags (RFC 4647, 3.4), then the
   * default. Throws when `data` lacks something that the template speaks of.
   */
  render: (template: MailTemplate, locale: string | null, data: Data) => Rendered
}

type Part = { path: string; language: string | null; fill: (data: Data) => string }
type Mail = { subject: Part; text: Part; html: Part; layout: Part }

const BUILT_IN = join(import.meta.dirname, 'templates')
const COMPLETE = 'en' // the language that always has every file
const TEMPLATES = Object.keys(samples) as MailTemplate[]
const NAMES = new Set(TEMPLATES.flatMap((name) => ['subject', 'text', 'html'].map((part) => `${name}.${part}.liquid`)))

// An empty set of templates in memory: include, render and layout find nothing, and liquidjs never opens a file.
// The limits (characters or list items, milliseconds) are far above any mail: an endless loop is a fault, not a start that hangs.
const limits = { memoryLimit: 1_000_000, renderLimit: 1000 }
const strict = { templates: {}, strictFilters: true, strictVariables: true, ownPropertyOnly: true, ...limits }
const plain = new Liquid(strict)
const escaping = new Liquid({ ...strict, outputEscape: 'escape' })

/**
 * Parses every template once and tries each out. The operator's folder may replace any file and add languages; what such
 * a language lacks comes from its parent tag, the default or English. Throws one Error that lists every file at fault.
 */
export async function loadRenderer(options: {
  overridesDir: string | undefined
  brand: string
  defaultLocale: string
}): Promise<Renderer> {
  const faults: Faults = new Map()
  const files = await readTemplates(BUILT_IN, NAMES, faults)
  if (options.overridesDir !== undefined) {
    for (const [key, file] of await readTemplates(options.overridesDir, NAMES, faults)) files.set(key, file)
  }
  const parts = new Map([...files].map(([key, file]) => [key, parse(key, file, faults)]))
  const locales = [...new Set([...files.values()].flatMap((file) => file.language ?? []))].sort()

  const brand = oneLine(options.brand)
  const fallback = shortened(options.defaultLocale)
  const mails = new Map<string, Mail>()
  for (const locale of locales.map((tag) => tag.toLowerCase())) {
    for (const template of TEMPLATES) {
      const mail = assemble(template, [...shortened(locale), ...fallback, COMPLETE], parts)
      for (const sample of samples[template]) tryOut(mail, { ...sample, brand }, faults)
      mails.set(`${locale}/${template}`, mail)
    }
  }
  if (!fallback.some((tag) => mails.has(`${tag}/code`))) {
    faults.set(options.defaultLocale, 'is the default language, and there are no templates in it')
  }
  if (faults.size > 0) throw new Error(['Mail templates:', ...[...faults].map((fault) => fault.join(' '))].join('\n  '))

  return {
    locales,
    render: (template, locale, data) => {
      const best = [...shortened(locale ?? ''), ...fallback].find((tag) => mails.has(`${tag}/${template}`))
      return compose(mails.get(`${best}/${template}`) as Mail, { ...data, brand })
    }
  }
}

function parse(key: string, { path, language, text }: TemplateFile, faults: Faults): Part {
  try {
    return { path, language, fill: filler(key.endsWith('.html.liquid') ? escaping : plain, text) }
  } catch (error) {
    faults.set(path, `does not parse: ${(error as Error).message}`)
    return { path, language, fill: () => '' }
  }
}

/** Each part in the first of these languages that has it. */
function assemble(template: MailTemplate, languages: readonly string[], parts: ReadonlyMap<string, Part>): Mail {
  const first = (name: string): Part => {
    const language = languages.find((tag) => parts.has(`${tag}/${template}.${name}.liquid`))
    return parts.get(`${language}/${template}.${name}.liquid`) as Part
  }
  return { subject: first('subject'), text: first('text'), html: first('html'), layout: parts.get(LAYOUT) as Part }
}

function compose({ subject, text, html, layout }: Mail, data: Data): Rendered {
  const line = oneLine(subject.fill(data))
  const page = { brand: data.brand, lang: html.language, subject: line, content: html.fill(data) }
  return { subject: line, text: text.fill(data), html: layout.fill(page) }
}

/** Renders with sample data and notes what a reader of the mail would miss. */
function tryOut(mail: Mail, data: Data & { code?: string; link?: string }, faults: Faults): void {
  const name = data.code === undefined ? 'link' : 'code'
  const needed = data[name] ?? ''
  const attempt = (part: Part, scope: Data, fault: string, holds: (made: string) => boolean): string => {
    let made = ''
    let reason: string | undefined
    try {
      made = part.fill(scope)
      if (!holds(made)) reason = fault
    } catch (error) {
      reason = `does not render: ${(error as Error).message}`
    }
    // A file that did not parse is empty here; its first fault is the one to tell.
    if (reason !== undefined && !faults.has(part.path)) faults.set(part.path, reason)
    return made
  }

  const subject = attempt(mail.subject, data, 'is empty', (made) => oneLine(made) !== '')
  attempt(mail.text, data, needed === '' ? 'is empty' : `must hold {{ ${name} }} alone on a line`, (made) =>
    needed === '' ? made.trim() !== '' : made.split('\n').includes(needed)
  )
  const content = attempt(
    mail.html,
    data,
    needed === '' ? 'is empty' : `must hold {{ ${name} }}`,
    (made) => made.trim() !== '' && made.includes(needed)
  )
  const page = { brand: data.brand, lang: mail.html.language, subject, content }
  attempt(mail.layout, page, 'must hold {{ content | raw }}', (made) => made.includes(content))
}

/** A subject is one header line; a line break in it would begin another header. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()
