import Type, { type Static } from 'typebox'
import { named } from '../lib/schema.ts'

export const Device = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    created_at: Type.String({ format: 'date-time', description: 'When it first signed in.' }),
    last_used_at: Type.String({ format: 'date-time', description: 'When it last signed in.' }),
    expires_at: Type.String({ format: 'date-time', description: 'Until when it is trusted unless it signs in again.' }),
    network: Type.Union([Type.String(), Type.Null()], {
      description: 'The network it last signed in from: /24 of an IPv4, /64 of an IPv6 address.'
    }),
    agent: Type.Union([Type.String(), Type.Null()], { description: 'The User-Agent it last signed in with.' }),
    current: Type.Boolean({
      description: 'Whether the session of the request was opened, or last renewed, on this device.'
    })
  },
  { $id: 'Device' }
)
export type Device = Static<typeof Device>

export const DeviceList = Type.Object(
  { devices: Type.Array(named(Device)) },
  {
    $id: 'DeviceList',
    examples: [
      {
        devices: [
          {
            id: '0198c5a1-7b1f-7aa0-8a51-3f2b7c9d4e55',
            created_at: '2026-11-22T09:30:00.000Z',
            last_used_at: '2026-11-22T09:30:00.000Z',
            expires_at: '2027-05-21T09:30:00.000Z',
            network: '203.0.113.0/24',
            agent: 'Mozilla/5.0',
            current: true
          }
        ]
      }
    ]
  }
)
