import { distance } from 'fastest-levenshtein'

/** Single-letter edits (Levenshtein) between two words: one wrong letter is one, two swapped neighbours are two. */
export const edits = (left: string, right: string): number => distance(left, right)
