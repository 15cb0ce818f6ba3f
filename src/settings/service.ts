import Type from 'typebox'
import { choice, count, list, optional, text } from './kinds.ts'

/** Where the service runs and how it is reached. */
export const serviceSettings = {
  NODE_ENV: choice(
    ['development', 'test', 'production'],
    'development',
    '`production` refuses everything that is only fit for development.'
  ),
  HOST: optional({ description: 'Address to listen on.', defaultText: '127.0.0.1; in production 0.0.0.0' }),
  PORT: count({ default: 3000, minimum: 0, maximum: 65_535, description: 'Port to listen on; 0 takes a free one.' }),
  METRICS_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65_535,
      description:
        'A port of its own, at HOST, where Prometheus finds `/metrics`. For your monitoring only: keep clients away from it.',
      defaultText: 'none: no metrics'
    })
  ),
  LOG_LEVEL: choice(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
    'Lowest level that is logged; `debug` adds a line per answered request.'
  ),
  DATA_DIR: text({
    default: 'data',
    description: 'Folder of the embedded database and the generated keys; development only.'
  }),
  PUBLIC_URL: optional({
    description:
      'Where clients reach the service: https, or http on localhost. It is also `iss` and the default audience of access tokens.',
    defaultText: 'http://localhost:PORT'
  }),
  TOKEN_AUDIENCE: optional({ description: '`aud` of access tokens.', defaultText: 'PUBLIC_URL' }),
  CORS_ORIGINS: list(
    'Origins of other sites whose pages may call the service, such as https://app.example.com, or of the web view of an app (capacitor://localhost): exactly as browsers send them, never a wildcard.'
  ),
  TRUSTED_PROXIES: list('Address ranges of the proxies whose X-Forwarded-For is trusted, such as 10.0.0.0/8.')
}
