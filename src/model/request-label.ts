/** The stage and step a request is about, as events, records and messages name it. */
export interface RequestLabel {
  readonly video: string
  /** The stage's number. */
  readonly stage: number
  readonly step: number | null
  readonly attempt: number
}

/** `video, stage 3, step 2, attempt 1`. */
export const labelText = ({ video, stage, step, attempt }: RequestLabel): string =>
  `${video}, stage ${stage}${step === null ? "" : `, step ${step}`}, attempt ${attempt}`
