import t from 'tap'
import { until } from '../helper.ts'
import { another, email, password, startWithPasswords } from './with-password.ts'

t.test('a link and notices come in the language of the account, where the request names none', async (t) => {
  const { api, signUp, mails, askForLink } = await startWithPasswords(t)
  const bearer = (await signUp()).body.access_token
  await api.updateMe({ locale: 'fr' }, { bearer })

  await askForLink()
  await api.changePassword({ current_password: password, password: another }, { bearer })
  await api.deleteMe({ bearer })

  const came = await until(() => {
    const all = mails(email).filter(({ subject }) => /mot de passe|supprimé|password|deleted/.test(subject))
    return all.length === 4 ? all : undefined
  })
  t.strictSame(
    new Set(came.map(({ subject }) => subject)),
    new Set([
      'Your Postern password was changed',
      'Modification du mot de passe de votre compte Postern',
      'Votre mot de passe Postern a été modifié',
      'Votre compte Postern a été supprimé'
    ])
  )
})
