import t from 'tap'
import { preferredLanguage, wantedLanguage } from '../../src/lib/language.ts'

const ours = ['de', 'en', 'es', 'fr']

t.test('the language a reader likes best is taken, wherever it stands in the header', async (t) => {
  t.equal(preferredLanguage('en;q=0.1, es;q=0.9, de;q=0.5', ours), 'es')
  t.equal(preferredLanguage('fr, de', ours), 'fr')
})

t.test('a country does not hide its language, nor does the case it is written in', async (t) => {
  t.equal(preferredLanguage('fr-CH, fr;q=0.9, en;q=0.8', ours), 'fr')
  t.equal(preferredLanguage('de-AT', ours), 'de')
  t.equal(preferredLanguage('ES-mx', ours), 'es')
})

t.test('languages that we lack are passed over', async (t) => {
  t.equal(preferredLanguage('nl, pl;q=0.9, fr;q=0.2', ours), 'fr')
  t.equal(preferredLanguage('nl', ours), null)
})

t.test('a language that is ruled out is not taken', async (t) => {
  t.equal(preferredLanguage('fr;q=0', ours), null)
})

t.test('`any language` names none, so that the default holds and not the alphabet', async (t) => {
  t.equal(preferredLanguage('*', ours), null)
  t.equal(preferredLanguage('nl, *;q=0.5', ours), null)
  t.equal(preferredLanguage('fr;q=0, *', ours), null)
  t.equal(preferredLanguage('nl,*;q=0.5,es;q=0.1', ours), 'es')
})

t.test('a header of thousands of languages is read no further than a browser would write', async (t) => {
  const many = (before: number) => `${'nl,'.repeat(before)}es`

  t.equal(preferredLanguage(many(10), ours), 'es')
  t.equal(preferredLanguage(many(5000), ours), null)
})

t.test('no header, an empty one and nonsense name no language', async (t) => {
  const headers = [undefined, '', ', ,', ';q=1', 'de;q=abc', 'xx;;;,,,', '\u00ff', '-'.repeat(8000), 'a,'.repeat(8000)]

  const found = headers.map((header) => preferredLanguage(header, ours))

  t.same([...new Set(found)], [null])
})

t.test(
  'a language asked for goes before the browser where there are mails in it or in what it stands for',
  async (t) => {
    const ours = ['zh-Hant', 'sr-Latn', 'pt-BR', 'en', 'de']
    const wanted = (locale: string) => wantedLanguage({ locale, acceptLanguage: 'de' }, ours)

    t.same(['zh-Hant-TW', 'sr-latn-RS', 'pt-BR', 'en-GB-u-rg-uszzzz'].map(wanted), [
      'zh-Hant-TW',
      'sr-latn-RS',
      'pt-BR',
      'en-GB-u-rg-uszzzz'
    ])
    t.same(
      ['pt', 'zh', 'nl'].map(wanted),
      ['de', 'de', 'de'],
      'there is none of these, though of a country or a script'
    )
  }
)

t.test('a language that we lack is kept where the browser names none either, for the day we have it', async (t) => {
  t.equal(wantedLanguage({ locale: 'nl', acceptLanguage: undefined }, ours), 'nl')
  t.equal(wantedLanguage({ locale: 'nl', acceptLanguage: 'pl' }, ours), 'nl')
})
