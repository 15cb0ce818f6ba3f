import checker from '@zootools/email-spell-checker'
import t from 'tap'
import { suggester } from '../../src/lib/suggestion.ts'

const suggest = suggester([])

t.test('the slips that people make are pointed out', async (t) => {
  const slips = {
    'gmail.con': 'gmail.com',
    'gnail.com': 'gmail.com',
    'gmail.co': 'gmail.com',
    'gmial.com': 'gmail.com',
    'gmail.cm': 'gmail.com',
    'hotmial.com': 'hotmail.com',
    'hotmail.comm': 'hotmail.com',
    'yahoo.co': 'yahoo.com',
    'yahooo.com': 'yahoo.com',
    'outlok.com': 'outlook.com',
    'iclod.com': 'icloud.com',
    'protonmail.co': 'protonmail.com',
    'gmai.com': 'gmail.com',
    'yaho.com': 'yahoo.com',
    'ornage.fr': 'orange.fr',
    't-online.d': 't-online.de'
  }

  const told = Object.keys(slips).map((domain) => suggest(`maya@${domain}`))

  t.same(
    told,
    Object.values(slips).map((domain) => `maya@${domain}`)
  )
})

t.test('the name before the at sign stays as it was typed', async (t) => {
  t.equal(suggest('Maya.Lund+x@GMAIL.con'), 'Maya.Lund+x@gmail.com')
})

t.test('no provider is corrected to another', async (t) => {
  const real = [
    ...checker.POPULAR_DOMAINS,
    ...'gmail.com googlemail.com yahoo.com yahoo.co.uk yahoo.fr yahoo.com.br yahoo.co.jp hotmail.com hotmail.co.uk'.split(
      ' '
    ),
    ...'outlook.com outlook.de live.com live.nl msn.com icloud.com me.com mac.com aol.com mail.com email.com'.split(
      ' '
    ),
    ...'gmx.com gmx.net gmx.de gmx.at gmx.ch web.de t-online.de freenet.de posteo.de mail.de orange.fr free.fr'.split(
      ' '
    ),
    ...'proton.me protonmail.com pm.me tuta.com fastmail.com fastmail.fm hey.com zoho.com yandex.com mail.ru'.split(
      ' '
    ),
    ...'inbox.ru bk.ru list.ru qq.com 163.com 126.com foxmail.com duck.com ziggo.nl seznam.cz wp.pl o2.pl'.split(' ')
  ]

  const told = real.map((domain) => suggest(`maya@${domain}`)).filter((advice) => advice !== undefined)

  t.same(told, [])
})

t.test('the provider of another country is not a slip', async (t) => {
  const abroad = [
    ...'hotmail.be hotmail.se hotmail.nl hotmail.com.br outlook.it outlook.pt outlook.jp outlook.com.br'.split(' '),
    ...'yahoo.ie yahoo.se yahoo.gr yahoo.com.ar yahoo.com.mx yahoo.co.id yahoo.co.nz live.be live.se'.split(' '),
    ...'yandex.kz proton.ch fastmail.to email.cz inbox.lv inbox.lt gmx.fr gmx.co.uk'.split(' ')
  ]

  const told = abroad.map((domain) => suggest(`maya@${domain}`)).filter((advice) => advice !== undefined)

  t.same(told, [])
})

t.test('domains that are near to nothing are left alone', async (t) => {
  const domains =
    'example.com acme.example sap.com ibm.com nhs.net mit.edu hubspot.com stripe.com tesla.com x.org mall.com main.com emil.co stripe.co yahoo.info'.split(
      ' '
    )

  const told = domains.map((domain) => suggest(`maya@${domain}`)).filter((advice) => advice !== undefined)

  t.same(told, [])
})

t.test("the operator's own domains are compared with too, and are never corrected", async (t) => {
  const own = suggester(['Acme.example', 'gnail.com', 'sap.io', 'gmail.co'])

  t.equal(own('maya@acne.example'), 'maya@acme.example')
  t.equal(own('maya@sapp.io'), 'maya@sap.io')
  t.equal(own('maya@acme.example'), undefined)
  t.equal(own('maya@gnail.com'), undefined)
  t.equal(own('maya@gmail.co'), undefined)
  t.equal(suggest('maya@acne.example'), undefined)
})

t.test('a domain is looked at once, and what was found is forgotten before it fills the memory', async (t) => {
  const fresh = suggester([])
  const looks = t.capture(checker, 'run', checker.run)
  const askedAnew = (domain: string): boolean => {
    fresh(`maya@${domain}`)
    return looks().some(({ args }) => args[0].email.endsWith(`@${domain}`))
  }

  t.ok(askedAnew('acme.example'))
  t.notOk(askedAnew('acme.example'), 'also where there is nothing to advise')
  for (let index = 0; index < 10_000; index++) fresh(`maya@company-${index}.example`)
  t.ok(askedAnew('acme.example'))
})

t.test('the same question has the same answer, also after very many others', async (t) => {
  const fresh = suggester([])
  fresh('maya@gmail.con')

  for (let index = 0; index < 6000; index++) fresh(`maya@company-${index}.example`)

  t.equal(fresh('maya@gmail.con'), 'maya@gmail.com')
  t.equal(fresh('ines@gmail.con'), 'ines@gmail.com')
})
