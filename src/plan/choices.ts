/** How clips are cut; what each means stands at `CutMode`. */
export const cutModes = ["smart", "reencode", "copy"] as const

/** How the full-video pool is sampled: frames evenly spread, or the nearest key frames. */
export const poolSamplings = ["uniform", "keyframe"] as const

/** How the index of a picture is told: drawn on it, as text before it, or both. */
export const imageLabelNames = ["overlay", "text", "both"] as const

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
