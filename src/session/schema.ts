import Type, { type Static } from 'typebox'
import { exampleDevice, named, OneOf } from '../lib/schema.ts'
import { exampleUser, User } from '../user/schema.ts'

/** A token is opaque: any string is judged, not validated. */
export const Token = (example: string) => Type.String({ minLength: 1, maxLength: 512, examples: [example] })

/** Where a sign-in puts the refresh token. */
export const SessionTransport = OneOf(['bearer', 'cookie'], {
  description:
    '`bearer` (the default): the refresh token is in the answer. `cookie`: it is in an HttpOnly cookie, and the request must come from an allowed origin on the same site.',
  examples: ['bearer']
})
export type SessionTransport = Static<typeof SessionTransport>

const exampleRefresh = 'rfr_jZYkQAGiBF4zenNYqWI3xcbRVMMAAAABq0aZ1l9v2kQpC1u5mXw7dBFh8wkN2sYt0oQe5rL3'

export const SessionInfo = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    created_at: Type.String({ format: 'date-time' }),
    authenticated_at: Type.String({ format: 'date-time', description: 'When the person last proved who they are.' }),
    expires_at: Type.String({
      format: 'date-time',
      description: 'When the session ends at the latest, however often it is refreshed.'
    }),
    amr: Type.Array(Type.String(), {
      description:
        'How the person signed in (RFC 8176): `otp`, `pwd`; `test` by the fixed code of a test address. An open list.'
    })
  },
  { $id: 'SessionInfo' }
)
export type SessionInfo = Static<typeof SessionInfo>

const exampleInfo = {
  id: '0198c5a1-7b1f-7aa0-8a51-3f2b7c9d4e10',
  created_at: '2026-11-22T09:30:00.000Z',
  authenticated_at: '2026-11-22T09:30:00.000Z',
  expires_at: '2027-02-20T09:30:00.000Z',
  amr: ['otp']
}

export const Session = Type.Object(
  {
    access_token: Type.String({
      description:
        'A JWT (ES256, `typ: at+jwt`) for the Authorization header. Verify it with the keys at /.well-known/jwks.json.'
    }),
    token_type: Type.Literal('Bearer'),
    expires_in: Type.Integer({ description: 'Seconds the access token is valid.' }),
    refresh_token: Type.Optional(
      Type.String({
        description:
          'Trade it for the next pair at /v1/session/refresh. Absent when it is in the cookie, and when an existing session was renewed: keep the one you have.'
      })
    ),
    refresh_expires_in: Type.Integer({
      description:
        'Seconds until the session ends unless it is refreshed: the earlier of its idle and its absolute end.'
    }),
    device_token: Type.Optional(
      Type.String({
        description:
          'Identifies this device at later sign-ins to this account, so that it has limits of its own. Keep it when the person signs out. A newer one replaces it.'
      })
    ),
    session: named(SessionInfo),
    user: named(User)
  },
  {
    $id: 'Session',
    examples: [
      {
        access_token: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6Ii4uLiJ9.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl',
        token_type: 'Bearer',
        expires_in: 600,
        refresh_token: exampleRefresh,
        refresh_expires_in: 2_592_000,
        device_token: exampleDevice,
        session: exampleInfo,
        user: exampleUser
      }
    ]
  }
)
export type Session = Static<typeof Session>

export const CurrentSession = Type.Object(
  { session: named(SessionInfo), user: named(User) },
  { $id: 'CurrentSession', examples: [{ session: exampleInfo, user: exampleUser }] }
)

/** For a refresh and for signing out alike. */
export const RefreshBody = Type.Object(
  { refresh_token: Type.Optional(Token(exampleRefresh)) },
  { additionalProperties: false, examples: [{ refresh_token: exampleRefresh }] }
)

export const ListedSession = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    current: Type.Boolean({ description: 'Whether this is the calling session.' }),
    created_at: Type.String({ format: 'date-time' }),
    authenticated_at: Type.String({ format: 'date-time' }),
    last_used_at: Type.String({
      format: 'date-time',
      description: 'When it was opened or last refreshed; for the calling session, now.'
    }),
    expires_at: Type.String({
      format: 'date-time',
      description: 'When it ends unless it is refreshed; for the calling session, when it ends in any case.'
    }),
    amr: Type.Array(Type.String()),
    network: Type.Union([Type.String(), Type.Null()], {
      description: 'The network it was opened from: /24 of an IPv4, /64 of an IPv6 address.'
    }),
    agent: Type.Union([Type.String(), Type.Null()], { description: 'The User-Agent it was opened with.' })
  },
  { $id: 'ListedSession' }
)
export type ListedSession = Static<typeof ListedSession>

export const SessionList = Type.Object(
  { sessions: Type.Array(named(ListedSession)) },
  {
    $id: 'SessionList',
    examples: [
      {
        sessions: [
          {
            ...exampleInfo,
            current: true,
            last_used_at: '2026-11-22T09:40:00.000Z',
            expires_at: '2027-02-20T09:30:00.000Z',
            network: '203.0.113.0/24',
            agent: 'Mozilla/5.0'
          }
        ]
      }
    ]
  }
)

export const SessionsEnded = Type.Object(
  { sessions_ended: Type.Integer({ minimum: 0 }) },
  { $id: 'SessionsEnded', examples: [{ sessions_ended: 2 }] }
)
