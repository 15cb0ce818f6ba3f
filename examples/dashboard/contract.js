// @ts-check

/**
 * The answers that this page reads, as the contract has them.
 *
 * @typedef {import('../../openapi/types.ts').components['schemas']} Schemas
 * @typedef {import('../../openapi/types.ts').operations} Operations
 * @typedef {Schemas['Challenge']} Challenge
 * @typedef {Schemas['User']} User
 * @typedef {Operations['listSessions']['responses'][200]['content']['application/json']['sessions'][number]} Session
 * @typedef {Operations['getSession']['responses'][200]['content']['application/json']['session']} OwnSession
 * @typedef {Operations['listDevices']['responses'][200]['content']['application/json']['devices'][number]} Device
 * @typedef {Schemas['Problem'] & { next?: { methods: string[], challenge: Challenge } }} Problem
 */
export {}
