import type { Config } from '../config.ts'
import { loadRenderer } from './render.ts'

/** The mail templates that the settings name; throws when any of them is at fault. */
export const rendererOf = (config: Config) =>
  loadRenderer({
    overridesDir: config.MAIL_TEMPLATES_DIR,
    brand: config.BRAND_NAME,
    defaultLocale: config.DEFAULT_LOCALE
  })
