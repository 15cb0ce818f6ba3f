import t from 'tap'
import { quotaOf } from '../../src/limit/quotas.ts'
import { type OperationId, operationIds } from '../contract-client.ts'

const requestsAMinute: Partial<Record<OperationId, [own: number, holder: 'client' | 'session']>> = {
  requestOtp: [30, 'client'],
  resendOtp: [30, 'client'],
  requestPasswordReset: [30, 'client'],
  loginWithPassword: [30, 'client'],
  resetPassword: [30, 'client'],
  changePassword: [30, 'client'],
  updateMe: [30, 'client'],
  getSession: [600, 'session'],
  getMe: [600, 'session'],
  refreshSession: [60, 'session'],
  logout: [60, 'session'],
  getJwks: [300, 'client']
}

t.test('each operation has its quota a minute for one IP address or session, a network ten times that', async (t) => {
  for (const operation of operationIds.filter((id) => id !== 'getLiveness' && id !== 'getReadiness'))
    for (const needsSession of [true, false]) {
      const [own, holder] = requestsAMinute[operation] ?? [60, needsSession ? 'session' : 'client']
      t.strictSame(quotaOf(operation, needsSession), { own, wide: 10 * own, holder }, operation)
    }
})

t.test('probes have no quota', async (t) => {
  t.strictSame([quotaOf('getLiveness', false), quotaOf('getReadiness', false)], [undefined, undefined])
})
