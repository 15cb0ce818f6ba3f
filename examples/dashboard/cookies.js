// @ts-check

/** Whether this browser takes cookies here. Tries it: a cookie of the same kind as the service's own, gone at once. */
export function takesCookies() {
  try {
    const name = '__Host-postern_probe'
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser, and this waits for nothing
    document.cookie = `${name}=1; Path=/; Secure; SameSite=Lax`
    const taken = document.cookie.includes(name)
    // biome-ignore lint/suspicious/noDocumentCookie: as above
    document.cookie = `${name}=; Path=/; Secure; SameSite=Lax; Max-Age=0`
    return taken
  } catch {
    return false
  }
}
