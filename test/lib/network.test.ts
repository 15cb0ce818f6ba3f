import fc from 'fast-check'
import t from 'tap'
import { inRanges, isRange, networkOf } from '../../src/lib/network.ts'

t.test('an IPv4 client is known by its /24', async (t) => {
  t.equal(networkOf('203.0.113.77'), '203.0.113.0/24')
  t.equal(networkOf('203.0.113.255'), networkOf('203.0.113.0'))
  t.not(networkOf('203.0.114.77'), networkOf('203.0.113.77'))
})

t.test('an IPv6 client is known by its /64', async (t) => {
  t.equal(networkOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  t.equal(networkOf('2001:db8:1:2:ffff::1'), networkOf('2001:db8:1:2::'))
  t.not(networkOf('2001:db8:1:3::1'), networkOf('2001:db8:1:2::1'))
})

t.test('an IPv4 address dressed as IPv6 is the IPv4 address', async (t) => {
  fc.assert(fc.property(fc.ipV4(), (ip) => networkOf(`::ffff:${ip}`) === networkOf(ip)))
  t.equal(networkOf('::ffff:203.0.113.77'), '203.0.113.0/24')
  t.equal(networkOf('::ffff:cb00:714d'), '203.0.113.0/24')
})

t.test('an IPv4 client behind a translator is known by its own /24, and not all of them together', async (t) => {
  for (const prefix of ['64:ff9b::', '::ffff:0:']) {
    fc.assert(fc.property(fc.ipV4(), (ip) => networkOf(`${prefix}${ip}`) === networkOf(ip)))
    t.equal(networkOf(`${prefix}203.0.113.77`), '203.0.113.0/24')
  }
  t.equal(networkOf('64:ff9b:1:2::203.0.113.77'), '64:ff9b:1:2::/64', 'another prefix says nothing')
})

t.test('the zone of a link-local address is no part of its network', async (t) => {
  t.equal(networkOf('fe80::1%eth0'), networkOf('fe80::1'))
})

t.test('a proxy on the same link is known whatever the interface is called', async (t) => {
  t.ok(inRanges(['fe80::/10'])('fe80::1%eth0'))
  t.ok(inRanges(['fe80::1'])('[fe80::1%eth0]:443'))
  t.notOk(inRanges(['fe80::1'])('fe80::2%eth0'))
})

t.test('what is no address has no network', async (t) => {
  const texts = ['', 'unix:', '/run/postern.sock', 'localhost', '203.0.113.0/24', '203.0.113.256', '::g']

  const networks = texts.map(networkOf)

  t.same([...new Set(networks)], [null])
})

t.test('an address or a range of addresses is a range', async (t) => {
  const ranges = ['10.0.0.0/8', '192.0.2.1', '192.0.2.1/32', '::1', 'fd00::/8', '2001:db8::/32']

  t.same(ranges.filter(isRange), ranges)
})

t.test('hop counts, names, short forms and the whole internet are no ranges', async (t) => {
  const texts = ['', '1', 'true', 'loopback', 'uniquelocal', 'proxy.internal', '10.1', '0x7f000001', '127.1']
  const nets = ['0.0.0.0/0', '::/0', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/x', '10.0.0.0/-1', '10.0.0.0/8/8']

  t.same([...texts, ...nets].filter(isRange), [])
})
