import checker from '@zootools/email-spell-checker'
import { edits } from './spelling.ts'

/** Mailbox providers that the package's list lacks: real, so never "corrected", and worth correcting to. */
const MORE_DOMAINS = `
  gmail.com yahoo.com yahoo.co.uk yahoo.fr yahoo.de yahoo.es yahoo.it yahoo.ca yahoo.com.br yahoo.co.jp yahoo.co.in ymail.com
  hotmail.com hotmail.co.uk hotmail.fr hotmail.de hotmail.es hotmail.it outlook.com outlook.fr outlook.de outlook.es live.com live.fr
  live.co.uk live.nl msn.com icloud.com me.com mac.com aol.com mail.com email.com gmx.com gmx.net gmx.de gmx.at gmx.ch web.de t-online.de
  freenet.de posteo.de posteo.net mailbox.org arcor.de 1und1.de mail.de orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr
  bbox.fr bluewin.ch hispeed.ch libero.it virgilio.it tin.it alice.it telefonica.net terra.es uol.com.br bol.com.br
  proton.me protonmail.com protonmail.ch pm.me tutanota.com tuta.io tuta.com fastmail.com fastmail.fm hey.com zoho.com
  zohomail.eu yandex.com yandex.ru mail.ru inbox.ru bk.ru list.ru rambler.ru qq.com 163.com 126.com sina.com foxmail.com naver.com daum.net
  hanmail.net rediffmail.com duck.com kpnmail.nl ziggo.nl planet.nl skynet.be telenet.be proximus.be seznam.cz wp.pl o2.pl
  onet.pl interia.pl centrum.cz abv.bg ukr.net bigpond.com bigpond.net.au virginmedia.com ntlworld.com blueyonder.co.uk talktalk.net
`
  .trim()
  .split(/\s+/)

/** Endings typed by mistake for `com`. `co` and `cm` are countries, so they count only after a provider's name. */
const SLIPPED_COM = /\.(con|co|cm|om|comm|cmo|ocm|vom|xom|cpm|coom|c0m|cim|clm|como|cob)$/
/** Two letters are a country: a provider's name with another country is most likely the provider there. */
const COUNTRY = /^[^.]+\.((co|com|net|org)\.)?[a-z]{2}$/
/** Shorter names are near to too many real companies' domains (`sap.com` is no typing mistake). */
const SHORTEST_NAME = 5
const MOST_REMEMBERED = 5000

const nameOf = (domain: string): string => domain.slice(0, domain.indexOf('.'))

/** Whether a letter is missing from the name of a domain and all else is right (`gmai.com`). */
const lacksOneLetter = (domain: string, found: string): boolean =>
  nameOf(found).length - nameOf(domain).length === 1 && edits(domain, found) === 1

export type Suggest = (address: string) => string | undefined

/**
 * Advice for a mistyped mail domain, from the typed address alone: no look-up, so it tells nothing about accounts.
 *
 * @param own the operator's own domains, compared with like the well-known ones
 */
export function suggester(own: readonly string[]): Suggest {
  const ours = new Set(own.map((domain) => domain.toLowerCase()))
  const real = new Set([...checker.POPULAR_DOMAINS, ...MORE_DOMAINS, ...ours])
  const options = { domains: [...real], secondLevelDomains: [], topLevelDomains: [] }
  const remembered = new Map<string, string | undefined>() // few domains make up most addresses

  const providers = new Set([...real].map(nameOf))

  const look = (domain: string): string | undefined => {
    const withCom = domain.replace(SLIPPED_COM, '.com')
    if (withCom !== domain && real.has(withCom)) return withCom
    const found = checker.run({ email: `someone@${domain}`, ...options })?.domain
    if (found === undefined || edits(domain, found) > 2) return undefined
    if (providers.has(nameOf(domain)) && COUNTRY.test(domain)) return undefined
    const meant = lacksOneLetter(domain, found) ? found : domain
    return ours.has(found) || nameOf(meant).length >= SHORTEST_NAME ? found : undefined
  }

  return (address) => {
    const at = address.lastIndexOf('@')
    const domain = address.slice(at + 1).toLowerCase()
    if (real.has(domain)) return undefined
    if (!remembered.has(domain)) {
      if (remembered.size >= MOST_REMEMBERED) remembered.clear()
      remembered.set(domain, look(domain))
    }
    const better = remembered.get(domain)
    return better === undefined ? undefined : `${address.slice(0, at)}@${better}`
  }
}
