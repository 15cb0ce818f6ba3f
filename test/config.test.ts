import { join } from 'node:path'
import t from 'tap'
import { ConfigError, readConfig, suspiciousNames } from '../src/config.ts'
import { settingsOf } from '../src/lib/env.ts'
import { settings } from '../src/settings.ts'
import { newKey } from './helper.ts'
import { production } from './production.ts'

/** The faults of an environment; none when it is in order. */
function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

t.test('nothing needs to be set for development', async (t) => {
  const config = readConfig({})

  t.match(config, { HOST: '127.0.0.1', PORT: 3000, PUBLIC_URL: 'http://localhost:3000', CODE_TTL: 600, CODE_TRIES: 3 })
  t.match(config, {
    TOKEN_AUDIENCE: 'http://localhost:3000',
    MAIL_FROM: '"Postern" <no-reply@localhost>',
    SECRET_KEYS: []
  })
})

t.test('every fault is told at once, by the name of its setting', async (t) => {
  const faults = faultsOf({
    PORT: '65536',
    LOG_LEVEL: 'loud',
    PUBLIC_URL: 'http://auth.example.com',
    DATABASE_URL: 'mysql://db',
    DATABASE_PREPARED: 'perhaps',
    SECRET_KEYS: 'short',
    SMTP_URL: 'http://mail.example.com',
    MAIL_FROM: 'nobody',
    BRAND_NAME: 'Acme <b>',
    DEFAULT_LOCALE: 'e',
    SIGNUP: 'sometimes',
    CODE_TTL: '601',
    CODE_TRIES: '1.5',
    CODE_RESENDS: 'many',
    TRUSTED_PROXIES: '10.0.0.0/8,1'
  })

  t.same(
    faults.map((fault) => fault.split(' ')[0]),
    'PORT LOG_LEVEL DATABASE_PREPARED SIGNUP CODE_TTL CODE_TRIES CODE_RESENDS PUBLIC_URL DATABASE_URL SMTP_URL SECRET_KEYS TRUSTED_PROXIES MAIL_FROM BRAND_NAME DEFAULT_LOCALE'.split(
      ' '
    )
  )
})

t.test('a text that could not do what it is set for is a fault', async (t) => {
  for (const domain of ['acme', '@acme.example', 'https://acme.example', 'acme.example/', '.example', 'acme..example'])
    t.match(
      faultsOf({ EMAIL_SUGGESTION_DOMAINS: `sap.io,${domain}` })[0],
      /^EMAIL_SUGGESTION_DOMAINS must be domains/,
      domain
    )
  t.same(faultsOf({ EMAIL_SUGGESTION_DOMAINS: 'acme.example,bücher.example,mail.acme.example' }), [])
})

t.test('blanks at the ends, capital letters and the usual port make no other address', async (t) => {
  const read = readConfig({
    ...production(),
    PUBLIC_URL: ' https://Auth.Example.com:443/ ',
    RESET_URL: 'https://app.example.com/reset\r',
    TOKEN_AUDIENCE: ' '
  })

  t.match(read, {
    PUBLIC_URL: 'https://auth.example.com',
    RESET_URL: 'https://app.example.com/reset',
    TOKEN_AUDIENCE: 'https://auth.example.com'
  })
  t.match(faultsOf({ PUBLIC_URL: 'https://me:secret@auth.example.com' }), [/^PUBLIC_URL must be an https address/])
})

t.test('a fault says what the setting must be', async (t) => {
  t.same(faultsOf({ CODE_TTL: '601' }), ['CODE_TTL must be a whole number from 60 to 600'])
  t.same(faultsOf({ SIGNUP: 'no' }), ['SIGNUP must be one of open, closed'])
  t.same(faultsOf({ DATABASE_PREPARED: 'yes' }), ['DATABASE_PREPARED must be on or off'])
  t.same(faultsOf({ DATABASE_PREPARED: 'Off', CLIENT_LIMITS: 'ON' }), [])
})

t.test('an address without a host is no address', async (t) => {
  const addresses = {
    SMTP_URL: ['smtp://', 'smtp:mail', 'smtps:///'],
    DATABASE_URL: ['postgres:foo', 'postgres:///x', 'postgresql://'],
    REDIS_URL: ['redis://', 'redis:cache', 'rediss:///0']
  }

  for (const [name, urls] of Object.entries(addresses))
    for (const url of urls) t.match(faultsOf({ [name]: url }), [new RegExp(`^${name} must be .* with a host`)], url)
})

t.test('several servers in one DATABASE_URL are pointed out: pg would look for a host of that name', async (t) => {
  for (const hosts of ['one,two', 'u:hunter2@one,two:6501', '10.0.0.1,10.0.0.2'])
    t.match(faultsOf({ DATABASE_URL: `postgres://${hosts}/auth` }), [/^DATABASE_URL must name one host/], hosts)
  t.strictSame(faultsOf({ DATABASE_URL: 'postgres://u:a,b@one/auth,x' }), [])
})

t.test('an option of SMTP_URL that would do nothing is refused: mail would go out in the clear', async (t) => {
  const smtp = (query: string) => faultsOf({ SMTP_URL: `smtp://user:hunter2@mail.example.com:587?${query}` })

  for (const query of [
    'requireTLS=true',
    'requireTLS=true&name=auth.example.com&tls.servername=mail.example.com&rateLimit=5',
    'maxConnections=1',
    'maxConnections=10',
    ''
  ])
    t.same(smtp(query), [])
  for (const query of [
    'requireTls=true',
    'requiretls=true',
    'requireTLS=yes',
    'requireTLS',
    'secure=true',
    'tls.x=1',
    'rateLimit=few',
    'maxConnections=0',
    'maxConnections=11',
    'requireTLS=true&ignoreTLS=true',
    'requireTLS=false&requireTLS=true',
    'name=x#?requireTLS=true'
  ]) {
    t.match(smtp(query), [/^SMTP_URL may set .*requireTLS.* and nothing else$/], query)
    t.notMatch(smtp(query)[0], 'hunter2')
  }
})

t.test(
  'an option of DATABASE_URL that would do nothing is refused: the database would be asked in the clear',
  async (t) => {
    const database = (query: string) => faultsOf({ DATABASE_URL: `postgres://user:hunter2@db:5432/postern?${query}` })

    for (const query of [
      '',
      'sslmode=require',
      'sslmode=verify-full&sslrootcert=/etc/ca.pem&sslcert=/c.pem&sslkey=/k.pem&sslnegotiation=direct',
      'ssl=true&application_name=auth&options=-c%20search_path%3Dx',
      'host=/var/run/postgresql&port=5433&user=postern&password=hunter2',
      'sslmode=disable'
    ])
      t.same(database(query), [], query)
    for (const query of [
      'sslmod=verify-full',
      'SSLMODE=verify-full',
      'sslmode=verify-ful',
      'sslmode=VERIFY-FULL',
      'sslmode=allow',
      'sslmode=',
      'sslmode',
      'ssl=false',
      'uselibpqcompat=true&sslmode=require',
      'channel_binding=require',
      'sslmode=verify-full&sslmode=disable',
      'ssl=true&sslmode=disable',
      'ssl=no-verify&sslrootcert=/etc/ca.pem',
      'sslmode=disable&sslrootcert=/etc/ca.pem',
      'sslmode=disable&sslnegotiation=direct',
      'sslmode=no-verify&sslrootcert=/etc/ca.pem',
      'statement_timeout=60000',
      'constructor=x',
      'user=x#&sslmode=verify-full'
    ]) {
      t.match(database(query), [/^DATABASE_URL may set .*sslmode to .*verify-full.* and nothing else$/], query)
      t.notMatch(database(query).join(), /hunter2|sslmod=|etc/)
    }
  }
)

t.test('figures that contradict each other are refused', async (t) => {
  t.match(faultsOf({ CODE_LENGTHEN_AT: '20', CODE_STRENGTHEN_AT: '19' }), [/^CODE_STRENGTHEN_AT /])
  t.match(faultsOf({ SESSION_IDLE_TTL: '7200', SESSION_TTL: '3600' }), [/^SESSION_IDLE_TTL /])
})

t.test('metrics are off, and have a port of their own', async (t) => {
  t.equal(readConfig({}).METRICS_PORT, undefined)
  t.equal(readConfig({ METRICS_PORT: '9464' }).METRICS_PORT, 9464)
  t.same(faultsOf({ METRICS_PORT: '3000' }), ['METRICS_PORT must not be PORT'])
  t.same(faultsOf({ PORT: '0', METRICS_PORT: '0' }), [])
  t.match(faultsOf({ METRICS_PORT: '65536' }), [/^METRICS_PORT must be a whole number/])
})

t.test('one figure that cannot be read is one fault', async (t) => {
  for (const name of ['CODE_LENGTHEN_AT', 'CODE_STRENGTHEN_AT', 'SESSION_IDLE_TTL', 'SESSION_TTL']) {
    t.equal(faultsOf({ [name]: 'x' }).length, 1, name)
  }
})

t.test('an empty value is no value, nor is an empty place in a list', async (t) => {
  t.equal(readConfig({ PORT: '', DATABASE_URL: '', SECRET_KEYS: '' }).PORT, 3000)
  t.same(readConfig({ EMAIL_SUGGESTION_DOMAINS: ' acme.example , ,sap.io,' }).EMAIL_SUGGESTION_DOMAINS, [
    'acme.example',
    'sap.io'
  ])
})

t.test('a message never repeats a value', async (t) => {
  const hidden = {
    DATABASE_URL: 'mysql://root:hunter2@db',
    SMTP_URL: 'hunter2',
    SECRET_KEYS: 'hunter2,hunter2',
    SMPT_URL: 'smtp://hunter2@mail',
    PORT: 'hunter2'
  }

  const message = faultsOf(hidden).join('\n')

  for (const name of Object.keys(hidden)) t.match(message, name)
  t.notMatch(message, 'hunter2')
})

t.test('every secret may come from a file', async (t) => {
  const key = newKey()
  const folder = t.testdir({
    DATABASE_URL: 'postgres://db/postern\n',
    SECRET_KEYS: ` ${key}\n`,
    PASSWORD_PEPPERS: key,
    SMTP_URL: 'smtps://mail.example.com\r\n',
    TEST_ADDRESSES: 'review@example.com:ABCDEFGHJKMN:2027-01-31\n',
    TRUSTED_CALLERS: key,
    REDIS_URL: 'redis://cache'
  })
  const secrets = settingsOf(settings).flatMap(([name, schema]) => (schema.secret ? [name] : []))

  const config = readConfig(Object.fromEntries(secrets.map((name) => [`${name}_FILE`, join(folder, name)])))

  t.same(secrets.toSorted(), [
    'DATABASE_URL',
    'PASSWORD_PEPPERS',
    'REDIS_URL',
    'SECRET_KEYS',
    'SMTP_URL',
    'TEST_ADDRESSES',
    'TRUSTED_CALLERS'
  ])
  t.strictSame([config.DATABASE_URL, config.SMTP_URL], ['postgres://db/postern', 'smtps://mail.example.com'])
  t.strictSame(config.SECRET_KEYS, [key])
})

t.test('a secret that is given twice, or whose file cannot be read or says nothing, is a fault', async (t) => {
  const folder = t.testdir({ url: 'smtps://mail.example.com', empty: '', blank: ' \n' })

  t.match(faultsOf({ SMTP_URL: 'smtps://mail', SMTP_URL_FILE: join(folder, 'url') }), [/^SMTP_URL: is given twice/])
  t.match(faultsOf({ SMTP_URL_FILE: join(folder, 'none') }), [/^SMTP_URL: the file that SMTP_URL_FILE .* \(ENOENT\)/])
  t.match(faultsOf({ SMTP_URL_FILE: folder }), [/^SMTP_URL: .* \(EISDIR\)/])
  for (const file of ['empty', 'blank'])
    t.same(faultsOf({ SECRET_KEYS_FILE: join(folder, file) }), [
      'SECRET_KEYS: the file that SECRET_KEYS_FILE names is empty'
    ])
  t.same(faultsOf({ SECRET_KEYS_FILE: '' }), [], 'no file is named')
})

t.test('keys are 32 bytes each, and each another', async (t) => {
  const key = newKey()

  for (const name of ['SECRET_KEYS', 'PASSWORD_PEPPERS']) {
    t.same(faultsOf({ [name]: `${key},${newKey()}` }), [])
    t.match(faultsOf({ [name]: `${key},${key}` }), [new RegExp(`^${name} names one key twice`)])
    for (const bad of [key.slice(1), `${key}A`, key.replace(/./, '*'), 'a'.repeat(32)])
      t.match(faultsOf({ [name]: bad }), [new RegExp(`^${name} must be 32 bytes each`)])
  }
})

t.test('production refuses what is only fit for development', async (t) => {
  t.same(faultsOf(production()), [])
  t.same(
    faultsOf({ NODE_ENV: 'production' }).map((fault) => fault.split(' ')[0]),
    ['PUBLIC_URL', 'DATABASE_URL', 'SMTP_URL', 'SECRET_KEYS', 'RESET_URL']
  )
  for (const url of ['http://auth.example.com', 'http://localhost:3000', 'ftp://auth.example.com', 'auth.example.com'])
    t.match(faultsOf({ ...production(), PUBLIC_URL: url }), [/^PUBLIC_URL must be an https address/], url)
  t.match(faultsOf({ ...production(), SECRET_KEYS: newKey().slice(0, 42) }), [/^SECRET_KEYS/])
  t.match(faultsOf({ ...production(), BCRYPT_COST: '9' }), [/^BCRYPT_COST must be at least 10/])
  t.equal(readConfig(production()).HOST, '0.0.0.0')
  t.match(faultsOf({ ...production(), PUBLIC_URL: 'https://example.com/auth' }), [/^PUBLIC_URL must have no path/])
})

t.test('proxies are named by their addresses, never counted', async (t) => {
  for (const bad of ['true', '1', 'loopback', '0.0.0.0/0'])
    t.match(faultsOf({ TRUSTED_PROXIES: bad }), [/^TRUSTED_PROX/])
  t.same(faultsOf({ TRUSTED_PROXIES: '10.0.0.0/8, ::1' }), [])
})

t.test('quotas are on in production, and what they need is of the right form', async (t) => {
  const key = newKey()

  t.same(faultsOf({ ...production(), CLIENT_LIMITS: 'off' }), ['CLIENT_LIMITS must be on in production'])
  t.same(
    faultsOf({ CLIENT_LIMITS: 'off', TRUSTED_CALLERS: `${key},${newKey()}`, REDIS_URL: 'rediss://:pw@redis:6379' }),
    []
  )
  t.match(faultsOf({ TRUSTED_CALLERS: `${key},short`, REDIS_URL: 'http://redis:6379' }), [
    /^REDIS_URL must be a redis/,
    /^TRUSTED_CALLERS must be 32 bytes/
  ])
})

t.test('origins are named exactly, and a wildcard is none', async (t) => {
  const good = 'https://app.example.com, https://app.example.com:8443, http://localhost:5173'
  t.same(faultsOf({ CORS_ORIGINS: good }), [])
  const apps = 'capacitor://localhost, tauri://localhost, chrome-extension://aabbccddeeffgghh'
  t.same(faultsOf({ ...production(), CORS_ORIGINS: apps }), [], 'web views of apps have origins of their own')
  for (const bad of [
    'capacitor://localhost/',
    'capacitor://*',
    'htps://app.example.com',
    'file://localhost',
    'ws://app.example.com',
    'javascript://app.example.com',
    '*',
    'null',
    'app.example.com',
    'https://app.example.com/',
    'https://*.example.com',
    'https://APP.example.com',
    'https://app.example.com:443',
    'https://me@app.example.com',
    'http://app.example.com',
    'https://a.example, *'
  ])
    t.match(faultsOf({ CORS_ORIGINS: bad }), [/^CORS_ORIGINS must be origins/], bad)
  t.match(faultsOf({ ...production(), CORS_ORIGINS: 'http://localhost:5173' }), [/^CORS_ORIGINS/])
})

t.test('a test address has a code and a last day, and in production a long code', async (t) => {
  const entry = 'review@example.com:ABCD-EFGH-JKMN:2027-01-31'
  t.same(faultsOf({ ...production(), TEST_ADDRESSES: entry }), [])
  t.same(faultsOf({ TEST_ADDRESSES: 'review@example.com:123456:2027-01-31' }), [])
  t.match(faultsOf({ ...production(), TEST_ADDRESSES: 'review@example.com:ABCDEFGHJKM:2027-01-31' }), [/at least 12/])
  t.match(faultsOf({ TEST_ADDRESSES: 'review@example.com:123456' }), [
    /^TEST_ADDRESSES must be address:CODE:YYYY-MM-DD/
  ])
  t.match(faultsOf({ TEST_ADDRESSES: `${entry}, Review@example.com:123456:2027-01-31` }), [/names one address twice/])
})

t.test('a setting misspelt is pointed out, and nothing else is', async (t) => {
  const misspelt = 'SMPT_URL DATABSE_URL_FILE secret_key CODE_TTTL MAIL_FORM TRUSTED_PROXY MAIL_FROM_FILE'.split(' ')
  const others =
    `PATH HOSTNAME HOME HOSTS POST LOGNAME LANGUAGE SHELL NODE_OPTIONS NODE_VERSION NODE_EXTRA_CA_CERTS NODE_COMPILE_CACHE UV_THREADPOOL_SIZE
    npm_config_cache npm_lifecycle_event npm_package_version npm_config_user_agent MALLOC_ARENA_MAX CONTAINER_NAME VIRTUAL_HOST
    DATABASE_HOST DATABASE_PORT DATABASE_USER DATABASE_NAME DATABASE_PASSWORD DATABASE_TLS PGHOST PGPASSWORD PGSSLMODE POSTGRES_URL
    POSTGRES_USER POSTGRES_PASSWORD POSTGRES_PASSWORD_FILE POSTGRES_DB POSTGRES_DB_FILE POSTGRES_HOST POSTGRES_INITDB_ARGS POSTGRES_PORT
    KUBERNETES_PORT KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT KUBERNETES_SERVICE_PORT_HTTPS KUBERNETES_PORT_443_TCP_ADDR
    REDIS_HOST REDIS_PORT REDIS_PASSWORD SMTP_HOST SMTP_PORT SMTP_USER SMTP_PASSWORD MAIL_HOST OTEL_SERVICE_NAME SSL_CERT_FILE`.split(
      /\s+/
    )
  const ours = settingsOf(settings).flatMap(([name, { secret }]) => (secret ? [name, `${name}_FILE`] : [name]))
  const all = [...misspelt, ...others, ...ours].map((name) => [name, 'x'])

  t.same(suspiciousNames(Object.fromEntries(all)), [
    'SMPT_URL is not a setting; SMTP_URL is',
    'DATABSE_URL_FILE is not a setting; DATABASE_URL_FILE is',
    'secret_key is not a setting; SECRET_KEYS is',
    'CODE_TTTL is not a setting; CODE_TTL is',
    'MAIL_FORM is not a setting; MAIL_FROM is',
    'TRUSTED_PROXY is not a setting; TRUSTED_PROXIES is',
    'MAIL_FROM_FILE is not a setting; MAIL_FROM is, and only a secret may come from a file'
  ])
})
