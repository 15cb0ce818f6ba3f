import { BlockList, isIP, isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

/**
 * The network an address belongs to, as a CIDR: /24 for IPv4, /64 for IPv6, which is what one household or office holds.
 * Null for anything that is no IP address (a Unix socket).
 */
export const networkOf = (ip: string): string | null =>
  isIPv4(ip) ? `${ip.slice(0, ip.lastIndexOf('.'))}.0/24` : prefixOf(ip, { ipv4: 24, ipv6: 64 })

/** An IP address without the port and the brackets that some proxies write; undefined for anything that is none. */
export function bareAddress(text: string): string | undefined {
  const [, six, four] = /^\[([^\]]+)\](?::\d+)?$|^([\d.]+):\d+$/.exec(text) ?? []
  const address = six ?? four ?? text
  return isIP(address) === 0 ? undefined : address
}

/** Whether an address, as a proxy may write it, lies in one of these ranges. @param ranges as `isRange` has them */
export function inRanges(ranges: readonly string[]): (text: string) => boolean {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return (text) => {
    const address = bareAddress(text)
    return address !== undefined && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
}

/** Where translators put IPv4 clients in front of an IPv6-only service (RFC 6052, RFC 7915): all of them would be in one /64. */
const TRANSLATED = ['64:ff9b::/96', '::ffff:0:0:0/96'].map((range) => ipaddr.IPv6.parseCIDR(range))

/** An address; one of IPv4 dressed or translated as IPv6 is the IPv4 address. */
function plainly(ip: string): ipaddr.IPv4 | ipaddr.IPv6 {
  const address = ipaddr.process(ip)
  const translated = address instanceof ipaddr.IPv6 && TRANSLATED.some((range) => address.match(range))
  return translated ? new ipaddr.IPv4(address.toByteArray().slice(-4)) : address
}

/** What an address begins with, as a CIDR of so many bits; null for anything that is no IP address. */
export function prefixOf(ip: string, bits: { ipv4: number; ipv6: number }): string | null {
  if (!ipaddr.isValid(ip)) return null
  const address = plainly(ip)
  const network =
    address.kind() === 'ipv4'
      ? ipaddr.IPv4.networkAddressFromCIDR(`${address}/${bits.ipv4}`)
      : ipaddr.IPv6.networkAddressFromCIDR(`${address}/${bits.ipv6}`)
  return `${network}/${address.kind() === 'ipv4' ? bits.ipv4 : bits.ipv6}`
}

/** Whether a text is an address range, such as `10.0.0.0/8` or `::1`; a hop count, a name or the whole internet is not. */
export function isRange(text: string): boolean {
  const [address = '', bits] = text.split('/')
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) return false
  return bits === undefined || (ipaddr.isValidCIDR(text) && Number(bits) > 0)
}
