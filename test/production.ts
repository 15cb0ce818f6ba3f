import { newKey } from './helper.ts'

/** The settings that production asks for, and no more. */
export const production = () => ({
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://auth.example.com',
  DATABASE_URL: 'postgres://postern:pw@db/postern',
  SMTP_URL: 'smtps://postern:pw@mail.example.com:465',
  SECRET_KEYS: newKey(),
  RESET_URL: 'https://app.example.com/reset'
})
