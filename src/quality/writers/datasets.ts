/** Writes one JSON file in the layout of a published data set. What the gold does not say stays empty. */

import { Either } from "effect"
import type { GoldSegment, GoldVideo } from "../gold.ts"
import { durationOf, type GoldWriter, jsonFile, microsecond, rounded } from "./GoldWriter.ts"

const pairOf = ({ startSec, endSec }: GoldSegment) => [rounded(startSec), rounded(endSec)] as const

const timesOf = ({ startSec, endSec }: GoldSegment) => ({
  start_time: rounded(startSec),
  end_time: rounded(endSec),
})

const byId = <A>(videos: ReadonlyArray<GoldVideo>, entry: (video: GoldVideo) => A): Record<string, A> =>
  Object.fromEntries(videos.map((video) => [video.videoId, entry(video)]))

const oneJson = (
  name: string,
  path: string,
  content: (videos: ReadonlyArray<GoldVideo>) => unknown,
): GoldWriter => ({
  name,
  precisionSec: microsecond,
  write: (videos) => Either.right([jsonFile(path, content(videos))]),
})

/** Gold of ActivityNet's detection task. */
export const activityNetWriter = oneJson("activitynet", "activity_net.json", (videos) => ({
  version: "triptych",
  taxonomy: [],
  database: byId(videos, (video) => ({
    subset: "validation",
    duration: durationOf(video),
    annotations: video.segments.map((segment) => ({ label: segment.label, segment: pairOf(segment) })),
  })),
}))

/** Gold of ActivityNet Captions. */
export const activityNetCaptionsWriter = oneJson("activitynet-captions", "captions.json", (videos) =>
  byId(videos, (video) => ({
    duration: durationOf(video),
    timestamps: video.segments.map(pairOf),
    sentences: video.segments.map(({ label }) => label),
  })),
)

/** YouCook2. Its own times are whole seconds; the layout holds fractions. */
export const youCook2Writer = oneJson("youcook2", "youcookii_annotations.json", (videos) => ({
  database: byId(videos, (video) => ({
    duration: durationOf(video),
    subset: "validation",
    recipe_type: "",
    video_url: "",
    annotations: video.segments.map((segment, id) => ({
      id,
      segment: pairOf(segment),
      sentence: segment.label,
    })),
  })),
}))

/** COIN. The task of a video is its class. */
export const coinWriter = oneJson("coin", "COIN.json", (videos) => ({
  database: byId(videos, (video) => ({
    duration: durationOf(video),
    class: video.segments[0]?.attributes?.class ?? "",
    subset: "testing",
    video_url: "",
    start: 0,
    end: durationOf(video),
    annotation: video.segments.map((segment, i) => ({
      id: String(i + 1),
      segment: pairOf(segment),
      label: segment.label,
    })),
  })),
}))

/** Ego4D Goal-Step, with one level. */
export const goalStepWriter = oneJson("goal-step", "goalstep.json", (videos) => ({
  videos: videos.map((video) => ({
    video_uid: video.videoId,
    start_time: 0,
    end_time: durationOf(video),
    goal_category: "",
    goal_description: "",
    summary: [],
    segments: video.segments.map((segment) => ({
      ...timesOf(segment),
      step_category: segment.attributes?.step_category ?? segment.label,
      step_description: segment.label,
      ...(segment.attributes?.is_relevant === undefined
        ? {}
        : { is_relevant: segment.attributes.is_relevant }),
      summary: [],
      segments: [],
    })),
  })),
}))

/** Ego-Exo4D keystep. A take's name stands for its uid, and there is no taxonomy. */
export const keystepWriter = oneJson("egoexo-keystep", "keystep.json", (videos) => ({
  annotations: byId(videos, (video) => ({
    take_name: video.videoId,
    scenario: "",
    segments: video.segments.map((segment) => ({
      ...timesOf(segment),
      step_name: segment.label,
      step_description: segment.label,
    })),
  })),
  taxonomy: {},
  vocabulary: {},
}))
