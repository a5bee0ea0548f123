/** True in `bun run test:long`; `bun run check` tries a part of the large tables only. */
export const isLong = process.env.TRIPTYCH_TESTS === "all"

/** The first of every `step` cases of a table; all of them in `bun run test:long`. */
export const oneIn = <A>(step: number, cases: ReadonlyArray<A>): ReadonlyArray<A> =>
  isLong ? cases : cases.filter((_, index) => index % step === 0)
