// @ts-check
import { send } from './api.js'
import { pending } from './pending.js'
import { deviceMember } from './session.js'
import { language } from './texts.js'

/**
 * @param {string} email
 * @returns {Promise<import('./pending.js').Pending>}
 */
export const askForCode = async (email) =>
  pending(await send('POST', '/v1/otp', { body: { email, locale: language, ...deviceMember() } }))

/**
 * @param {string} email
 * @returns {Promise<{ expires_in: number, email_suggestion?: string }>}
 */
export const askForLink = (email) =>
  send('POST', '/v1/password/forgot', { body: { email, locale: language, ...deviceMember() } })
