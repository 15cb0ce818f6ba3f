import Type from 'typebox'
import { accountsSettings } from './settings/accounts.ts'
import { codesSettings } from './settings/codes.ts'
import { limitsSettings } from './settings/limits.ts'
import { mailSettings } from './settings/mail.ts'
import { newPasswordsSettings } from './settings/new-passwords.ts'
import { passwordsSettings } from './settings/passwords.ts'
import { retentionSettings } from './settings/retention.ts'
import { serviceSettings } from './settings/service.ts'
import { sessionsSettings } from './settings/sessions.ts'
import { storageSettings } from './settings/storage.ts'

/** Every setting of the service, once. Types, start-up checks, `--help` and the tables in the README come from here. */
export const settings = Type.Object({
  ...serviceSettings,
  ...storageSettings,
  ...mailSettings,
  ...accountsSettings,
  ...codesSettings,
  ...passwordsSettings,
  ...newPasswordsSettings,
  ...sessionsSettings,
  ...limitsSettings,
  ...retentionSettings
})
