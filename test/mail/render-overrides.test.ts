import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { loadRenderer } from '../../src/mail/render.ts'

const brand = 'Acme'
const code = { code: '052731', reference: 'QXKD', minutes: 10 }
const builtIn = { overridesDir: undefined, brand, defaultLocale: 'en' }

/** An operator's folder with these files. */
async function folder(t: Test, files: Record<string, string>): Promise<string> {
  const root = t.testdir({})
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), text)
  }
  return root
}

t.test('a subject stays one line whatever the brand and the template hold', async (t) => {
  const overridesDir = await folder(t, { 'en/code.subject.liquid': 'Hello\r\nBcc: eve@example.com\n{{ brand }}\n' })
  const { render } = await loadRenderer({ overridesDir, brand: 'Ac\u0000me\u2028Inc', defaultLocale: 'en' })

  const { subject } = render('code', 'en', code)

  t.equal(subject, 'Hello Bcc: eve@example.com Ac me Inc')
})

t.test('an operator replaces one file, and everything else stays', async (t) => {
  const ours = await loadRenderer(builtIn)
  const overridesDir = await folder(t, { 'en/code.text.liquid': '\uFEFFHi\r\n{{ code }}\r\n' })

  const { render } = await loadRenderer({ ...builtIn, overridesDir })

  t.equal(render('code', 'en', code).text, 'Hi\n052731\n')
  t.equal(render('code', 'en', code).html, ours.render('code', 'en', code).html)
  t.same(render('code', 'fr', code), ours.render('code', 'fr', code))
})

t.test('a language that lacks files takes them from its parent, then from the default', async (t) => {
  const overridesDir = await folder(t, {
    'de-AT/code.subject.liquid': 'Servus von {{ brand }}',
    'it/code.html.liquid': '<p>Ecco: {{ code }}</p>'
  })
  const { render } = await loadRenderer({ overridesDir, brand, defaultLocale: 'es' })

  const austrian = render('code', 'de-AT', code)
  const italian = render('code', 'it', code)

  t.equal(austrian.subject, 'Servus von Acme')
  t.equal(austrian.text, render('code', 'de', code).text)
  t.match(austrian.html, '<html lang="de">')
  t.equal(italian.text, render('code', 'es', code).text)
  t.match(italian.html, '<html lang="it">')
  // Without a direction of its own the brand, which stands first, would give the whole mail its own.
  t.match(italian.html, '<body dir="auto">\n<main>\n<p class="brand" dir="auto">Acme</p>')
})

t.test(
  'what no other language has comes in English, also where the default is a language of the operator',
  async (t) => {
    const overridesDir = await folder(t, { 'pt/code.subject.liquid': 'Código de {{ brand }}' })
    const { render } = await loadRenderer({ overridesDir, brand, defaultLocale: 'pt' })

    t.equal(render('code', null, code).subject, 'Código de Acme')
    t.equal(render('code', 'pt-BR', code).text, render('code', 'en', code).text)
  }
)

for (const loop of ['(1..1000000000)', '(1..100000) %}{% for b in (1..100000) %}{% for c in (1..100000)'])
  t.test(`a template that loops without end is named, and does not hang the start: ${loop}`, async (t) => {
    const ends = '{% endfor %}'.repeat(loop.split('{% for').length)
    const text = `{% for a in ${loop} %}x${ends}\n{{ code }}\n`
    const overridesDir = await folder(t, { 'en/code.text.liquid': text })

    await t.rejects(loadRenderer({ ...builtIn, overridesDir }), /code\.text\.liquid does not render: .*limit exceeded/)
  })

t.test('the layout can be replaced too', async (t) => {
  const overridesDir = await folder(t, { 'layout.html.liquid': '<html lang="{{ lang }}">{{ content | raw }}</html>' })
  const { render } = await loadRenderer({ ...builtIn, overridesDir })

  const { html } = render('code', 'de', code)

  t.match(html, /^<html lang="de"><p>Ihr Identifikationscode/)
})

t.test('a folder mounted by Kubernetes, with its links and dotted entries, is read', async (t) => {
  const overridesDir = await folder(t, { '..2026/en/code.subject.liquid': 'Mounted' })
  await symlink('..2026', join(overridesDir, '..data'))
  await symlink('..data/en', join(overridesDir, 'en'))

  const { render } = await loadRenderer({ ...builtIn, overridesDir })

  t.equal(render('code', 'en', code).subject, 'Mounted')
})

t.test('a bad folder is refused with every file at fault and the reason', async (t) => {
  const overridesDir = await folder(t, {
    'README.md': 'hello',
    'images/code.text.liquid': '{{ code }}',
    'pt_BR/code.text.liquid': '{{ code }}',
    'es-MX/code.text.liquid': '{{ code }}',
    'es-mx/code.text.liquid': '{{ code }}',
    'en/kode.text.liquid': '{{ code }}',
    'en/code.subject.liquid': '{% nonsense %}',
    'en/code.text.liquid': 'Your code is {{ code }}.',
    'en/code.html.liquid': '<p>{{ kode }}</p>',
    'fr/code.subject.liquid': '{{ brand | shout }}',
    'fr/code.html.liquid': '<p>Bonjour</p>',
    'de/code.subject.liquid': ' \n',
    'layout.html.liquid': '<html></html>'
  })
  await symlink('/etc/hostname', join(overridesDir, 'fr/code.text.liquid'))
  await symlink('nowhere', join(overridesDir, 'it'))

  const refusal = await loadRenderer({ ...builtIn, overridesDir }).catch((error: Error) => error.message)

  const expected: [string, RegExp][] = [
    ['README.md', /is neither/],
    ['images', /is neither/],
    ['pt_BR', /is neither/],
    ['es-mx/code.text.liquid', /exists twice/],
    ['it', /cannot be read \(ENOENT\)/],
    ['en/kode.text.liquid', /is not a template/],
    ['en/code.subject.liquid', /does not parse.*nonsense/],
    ['en/code.text.liquid', /must hold {{ code }} alone on a line/],
    ['en/code.html.liquid', /does not render.*kode/],
    ['fr/code.subject.liquid', /does not parse.*shout/],
    ['fr/code.text.liquid', /leads outside the folder/],
    ['fr/code.html.liquid', /must hold {{ code }}/],
    ['de/code.subject.liquid', /is empty/],
    ['layout.html.liquid', /must hold {{ content \| raw }}/]
  ]
  const lines = String(refusal).split('\n').slice(1)
  for (const [file, reason] of expected) {
    t.match(
      lines.find((line) => line.startsWith(`  ${join(overridesDir, file)} `)),
      reason
    )
  }
  t.equal(lines.length, expected.length)
})

t.test('a template reaches no file, by whatever tag', async (t) => {
  for (const tag of ['include', 'render', 'layout'])
    for (const file of ['../../../../../../etc/hostname', 'package.json']) {
      const overridesDir = await folder(t, { 'en/code.text.liquid': `{% ${tag} "${file}" %}\n{{ code }}` })

      await t.rejects(loadRenderer({ ...builtIn, overridesDir }), {
        message: /code\.text\.liquid does not (parse|render): ENOENT/
      })
    }
})

t.test('a missing folder and a default language without templates are refused', async (t) => {
  const loading = loadRenderer({ overridesDir: '/nowhere/templates', brand, defaultLocale: 'pt-BR' })

  await t.rejects(loading, {
    message: /\/nowhere\/templates cannot be read \(ENOENT\)\n {2}pt-BR is the default language/
  })
})
