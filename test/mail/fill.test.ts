import { Liquid } from 'liquidjs'
import t from 'tap'
import { filler } from '../../src/mail/fill.ts'

const strict = { templates: {}, strictFilters: true, strictVariables: true, ownPropertyOnly: true }
const escaping = new Liquid({ ...strict, outputEscape: 'escape' })
const plain = new Liquid(strict)

const templates = [
  '',
  'no names at all }} {',
  '{{ code }}',
  'a {{code}} b {{  code  }}\n{{ brand }}',
  '{{ code }} {% if minutes == 1 %}{{ code }}{% else %}{{ minutes }} {{ brand }}{% endif %} {{ brand }}',
  '{% if minutes > 1 %}{% for n in (1..3) %}{{ n }}{{ code }}{% endfor %}{% endif %}',
  '{{ code | slice: 0, 3 }} {{ brand | upcase }} {{ code.size }} {{ "{{ code }}" }} {{ brand | raw }}',
  '{% assign code = "mine" %}{{ code }} {% capture brand %}x{% endcapture %}{{ brand }}',
  '{% increment minutes %}{{ minutes }}',
  'a   {{- code -}}   b {% if minutes -%}   c   {%- endif %}   {{ brand }}',
  '{% raw %}{{ code }}{% endraw %}{{ code }}{% comment %}{{ code }}{% endcomment %}',
  '{{ "}} {{ code }}" }} {{ code }}',
  '{{ code }}{% if minutes == 1 %}{% break %}{% endif %} tail {{ brand }}',
  '{{ code }}{% for n in (1..3) %}{% if n == 2 %}{% continue %}{% endif %}{{ n }}{% endfor %} tail {{ brand }}',
  '{% liquid\n echo code\n break %}{{ brand }}'
]
const data = [
  { code: '052731', brand: 'Acme', minutes: 10 },
  { code: '7Q2M9KD3TVX0H', brand: `<b>"M&M's"</b> \`$&\` 日本`, minutes: 1 },
  { code: '', brand: { toString: () => 'never' }, minutes: 0 }
]

t.test('a template is filled in as the engine fills it in', async (t) => {
  for (const engine of [plain, escaping]) {
    for (const template of templates) {
      const fill = filler(engine, template)
      for (const values of data)
        t.equal(fill({ ...values }), engine.parseAndRenderSync(template, { ...values }), template)
    }
  }
})

t.test(
  'what a template speaks of and nobody gives is an error that names its place, whichever way it is filled in',
  async (t) => {
    const templates = [
      '{{ missing }}',
      'x\n\n{{ code }} {{ missing }}',
      '{{ constructor }}',
      '\n{% if missing %}{% endif %}'
    ]

    for (const template of templates) {
      const theirs = t.throws(() => plain.parseAndRenderSync(template, { code: '1' }))
      const ours = t.throws(() => filler(plain, template)({ code: '1' }), /undefined variable/, template)
      t.equal((ours as Error).message, (theirs as Error).message)
    }
  }
)

t.test('what does not parse is an error from the start', async (t) => {
  for (const template of [
    '{{ code',
    '{% if code %}',
    '{{ code | nonsense }}',
    '{% nonsense %}',
    'a {{ code }} {% endif %}',
    '{% if brand }\n{{ code }}\n',
    'Hello {{{ brand }}}\n{{ code }}\n',
    'Hello {{% if brand %}you{% endif %}\n{{ code }}\n'
  ]) {
    t.throws(() => filler(escaping, template), template)
  }
})
