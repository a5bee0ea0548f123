/** Fewest and most steps of a plan. */
export interface StepBounds {
  readonly min: number
  readonly max: number
}

/** How many steps a plan may have. Outside of the preferred range it is accepted with a warning. */
export interface StepRange extends StepBounds {
  readonly preferredMin: number
  readonly preferredMax: number
}

/** What the contract asks for. */
export const contractSteps: StepRange = { min: 3, max: 8, preferredMin: 4, preferredMax: 7 }

/** Numbers of steps that somebody asks for: all of them are equally good. */
export const stepsFrom = (min: number, max: number): StepRange => ({
  min,
  max,
  preferredMin: min,
  preferredMax: max,
})

/** Whether a plan may have what the contract asks for, and prefers. */
export const isContractRange = (range: StepRange): boolean =>
  preferenceText(range) === preferenceText(contractSteps)

/** The bounds as words: `3 to 8`, or one number. */
export const boundsText = ({ max, min }: StepBounds): string =>
  min === max ? String(min) : `${min} to ${max}`

/** The bounds and the thing counted: `3 to 8 steps`, `exactly 1 step`. */
export const stepsText = (range: StepBounds): string =>
  range.min === range.max
    ? `exactly ${range.min} step${range.min === 1 ? "" : "s"}`
    : `${boundsText(range)} steps`

/** As `stepsText`, with the numbers preferred where these are narrower. */
export const preferenceText = (range: StepRange): string =>
  range.preferredMin === range.min && range.preferredMax === range.max
    ? stepsText(range)
    : `${stepsText(range)}, preferably ${range.preferredMin} to ${range.preferredMax}`
