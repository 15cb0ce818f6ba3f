import type { User } from './schema.ts'
import type { UserView } from './store.ts'

export const presentUser = (view: UserView): User => ({
  id: view.userId,
  email: view.email,
  email_verified: view.emailVerified,
  has_password: view.hasPassword,
  locale: view.userLocale,
  created_at: view.userCreatedAt.toISOString()
})
