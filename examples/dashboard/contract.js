// @ts-check

/**
 * The answers that this page reads, as the contract has them.
 *
 * @typedef {import('../../openapi/types.ts').components['schemas']} Schemas
 * @typedef {Schemas['Challenge']} Challenge
 * @typedef {Schemas['User']} User
 * @typedef {Schemas['ListedSession']} Session
 * @typedef {Schemas['SessionInfo']} OwnSession
 * @typedef {Schemas['Device']} Device
 * @typedef {Schemas['Problem']} Problem
 */
export {}
