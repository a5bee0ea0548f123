/** An answer is longer than any real one; the rest of it was not read. */
export class AnswerTooLarge extends Error {}

/** An answer ended, or said something unreadable, before it was whole. */
export class BrokenAnswer extends Error {}
