import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { loadRenderer } from '../../src/mail/render.ts'

const brand = 'Acme'
const code = { code: '052731', reference: 'QXKD', minutes: 10 }
const builtIn = { overridesDir: undefined, brand, defaultLocale: 'en' }

t.test('the subject of a code mail names the brand in the language of the reader', async (t) => {
  const { render } = await loadRenderer(builtIn)

  const subjects = ['en', 'fr', 'de', 'es'].map((locale) => render('code', locale, code).subject)

  t.same(subjects, [
    'Acme identification code',
    'Code d’identification Acme',
    'Identifikationscode für Acme',
    'Código de identificación de Acme'
  ])
})

t.test('the code stands alone on its line near the top, in every language and both alphabets', async (t) => {
  const { locales, render } = await loadRenderer(builtIn)

  for (const locale of locales) {
    const digits = render('code', locale, code).text
    const strong = render('code', locale, { ...code, code: '7Q2M9KD3TVX0H' }).text

    t.equal(/^[0-9]{6,8}$/m.exec(digits)?.[0], '052731', locale)
    t.equal(/^[0-9A-HJKMNP-TV-Z]{13}$/m.exec(strong)?.[0], '7Q2M9KD3TVX0H', locale)
    t.equal(digits.split('\n').indexOf('052731'), 2, locale)
  }
})

t.test('a code mail tells its reference and how long it is valid, and holds no link', async (t) => {
  const { locales, render } = await loadRenderer(builtIn)

  for (const locale of locales) {
    const { text, html } = render('code', locale, code)

    for (const part of [text, html]) {
      t.match(part, 'QXKD')
      t.match(part, /\b10 min/i)
      t.notMatch(part, /https?:|href|src=|url\(/)
    }
    t.match(html, `<html lang="${locale}">`)
  }
})

t.test('one minute is not spoken of as several', async (t) => {
  const { render } = await loadRenderer(builtIn)

  const texts = ['en', 'fr', 'de', 'es'].map((locale) => render('code', locale, { ...code, minutes: 1 }).text)

  t.same(
    texts.map((text) => /1 minu\w+/i.exec(text)?.[0]),
    ['1 minute', '1 minute', '1 Minute', '1 minuto']
  )
})

t.test('the mail about a missing account holds no code and no link', async (t) => {
  const { locales, render } = await loadRenderer(builtIn)

  for (const locale of locales) {
    const { subject, text, html } = render('no-account', locale, {})

    t.match(subject, brand)
    t.match(text, brand)
    t.match(html, brand)
    t.notMatch(text + html, /https?:|href|\b\d{6}\b/)
  }
})

t.test('the language is the tag itself, then what it begins with, then the default', async (t) => {
  const overridesDir = t.testdir({ 'pt-BR': { 'code.subject.liquid': 'Código {{ brand }}' } })
  const { locales, render } = await loadRenderer({ overridesDir, brand, defaultLocale: 'fr' })

  const subject = (locale: string | null) => render('code', locale, code).subject

  t.same(locales, ['de', 'en', 'es', 'fr', 'pt-BR'])
  t.equal(subject('pt-br'), 'Código Acme')
  t.equal(subject('de-AT'), subject('de'))
  t.equal(subject('pt'), subject('fr'))
  t.equal(subject('x'), subject('fr'))
  t.equal(subject(''), subject('fr'))
  t.equal(subject(null), subject('fr'))
})

t.test('a brand is escaped in HTML and nowhere else', async (t) => {
  const { render } = await loadRenderer({ ...builtIn, brand: 'Salt & <b>Son' })

  const { subject, text, html } = render('code', 'en', code)

  t.match(subject, 'Salt & <b>Son')
  t.match(text, 'Salt & <b>Son')
  t.match(html, 'Salt &amp; &lt;b&gt;Son')
  t.notMatch(html, '<b>Son')
})

t.test('data that a template speaks of must be there', async (t) => {
  const { render } = await loadRenderer(builtIn)

  t.throws(() => render('code', 'en', { code: '052731' }), /undefined variable: reference/)
})

t.test('every language that comes with the service is complete', async (t) => {
  const root = join(import.meta.dirname, '../../src/mail/templates')

  const [english, ...others] = await Promise.all(['en', 'fr', 'de', 'es'].map((tag) => readdir(join(root, tag))))

  for (const files of others) t.same(files.sort(), english?.sort())
})
