import { distance } from 'fastest-levenshtein'

/** Single-letter edits (Levenshtein) between two words: a slip of the finger is one, two neighbours swapped are two. */
export const edits = (left: string, right: string): number => distance(left, right)
