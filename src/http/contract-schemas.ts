import { Challenge } from '../challenge/schema.ts'
import { Device, DeviceList } from '../device/schema.ts'
import { Jwk, JwkSet } from '../keys/routes.ts'
import { PasswordReset, PasswordResetLink, PasswordResetRequested } from '../password/schema.ts'
import { ProblemBody, ProblemFault, ProblemNext } from '../routing.ts'
import { CurrentSession, ListedSession, Session, SessionInfo, SessionList, SessionsEnded } from '../session/schema.ts'
import { User } from '../user/schema.ts'
import { Liveness, Readiness, ReadinessCheck } from './health.ts'

/** What the contract calls by a name. Every answer is here: a generator names others after the operation that it meets first. */
export const namedSchemas = [
  ProblemBody,
  ProblemNext,
  ProblemFault,
  Challenge,
  Session,
  SessionInfo,
  CurrentSession,
  ListedSession,
  SessionList,
  SessionsEnded,
  User,
  Device,
  DeviceList,
  PasswordResetRequested,
  PasswordResetLink,
  PasswordReset,
  JwkSet,
  Jwk,
  Readiness,
  ReadinessCheck,
  Liveness
]
