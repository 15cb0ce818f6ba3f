// @ts-check

/** @param {string} name */
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.getAttribute('content') ?? ''

/** Where the API is; empty where it is the origin of this page. */
export const apiBase = meta('postern-api').replace(/\/+$/, '')

export const brand = meta('application-name')

/** Whether cookies of the API are first-party cookies of this page. */
export const sameOrigin = new URL(apiBase || '/', location.href).origin === location.origin
