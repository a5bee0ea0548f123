/** How clips are cut; what each means stands at `CutMode`. */
export const cutModes = ["smart", "reencode", "copy"] as const

/** How the full-video pool is sampled: frames evenly spread, or the nearest key frames. */
export const poolSamplings = ["uniform", "keyframe"] as const

/** What counts as one step: a stretch with one lasting effect, or each single act. */
export const granularities = ["causal", "atomic"] as const

/** How the index of a picture is told: drawn on it, as text before it, or both. */
export const imageLabelNames = ["overlay", "text", "both"] as const

/** How the frames of a pool are shown: each by itself, or in contact sheets. */
export const poolInputs = ["frames", "sheets"] as const

/** How the frames of a border's window are shown: in one contact sheet, or each by itself. */
export const borderInputs = ["sheets", "frames"] as const

/** How a service is told which form the answer must have, the strictest first. */
export const responseFormats = ["json_schema", "json_object", "none"] as const

/** How a rejected answer is repaired: in the way that costs less, by its bad fields where possible, or by the whole answer again. */
export const repairChoices = ["auto", "patch", "full"] as const

/** x264's presets, the fastest first. */
export const presets = [
  "ultrafast",
  "superfast",
  "veryfast",
  "faster",
  "fast",
  "medium",
  "slow",
  "slower",
  "veryslow",
  "placebo",
] as const
