import { Problem } from '../problems.ts'

/** The refusal of a request whose mail no lane has room for. @param wait seconds until one has */
export const laneIsFull = (wait: number): Problem =>
  new Problem('too-many-requests', {
    detail: 'Too many mails were sent to this address; try again later.',
    retryAfter: wait,
    limit: 'lane'
  })
