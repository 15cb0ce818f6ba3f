/** Trouble that lasts: told when it begins and when it is over, and not each time in between. */
export class Trouble {
  readonly #tell: { begins: (error: unknown) => void; ends?: () => void }
  #lasts = false

  constructor(tell: { begins: (error: unknown) => void; ends?: () => void }) {
    this.#tell = tell
  }

  get lasts(): boolean {
    return this.#lasts
  }

  begins(error: unknown): void {
    if (!this.#lasts) this.#tell.begins(error)
    this.#lasts = true
  }

  ends(): void {
    if (this.#lasts) this.#tell.ends?.()
    this.#lasts = false
  }
}
