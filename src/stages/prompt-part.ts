/** A part of a prompt. */
export interface Wording {
  readonly text: string
  /** The flag without which it would read otherwise; a prompt cannot leave such a part out, unless there is a `sentence`. */
  readonly flag?: string
  /** What stands at the end of a prompt that leaves the part out. */
  readonly sentence?: string
}
