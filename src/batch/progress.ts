import type { RunEvent } from "../events.ts"
import { stageNumber } from "../stages/list.ts"
import { refine } from "../stages/refine.ts"
import { sampled, secondsLeft, shares, stageTook } from "./pace.ts"
import { stallAfter } from "./stall.ts"
import type { ActiveVideo, RunState } from "./state.ts"

const slowestKept = 10
const minuteMs = 60_000

/** Which part of the work on a video each stage is, by name. The same for all videos of a state. */
type Parts = ReturnType<typeof shares>

const partsOf = ({ pace, stages }: RunState): Parts => shares(pace, stages)

/** How far a video is, from 0 to 1, and how much of that was done in this run. */
const progressOf = (parts: Parts, video: ActiveVideo) => {
  const partOf = (name: string) => parts.get(name) ?? 0
  let made = 0
  let reached = 0
  for (const { name, kept } of video.finishedStages) {
    reached += partOf(name)
    made += partOf(name) * (1 - kept)
  }
  if (video.stage !== undefined && video.stage.total > 0) {
    const { name, total, done, kept } = video.stage
    reached += (partOf(name) * done) / total
    made += (partOf(name) * (done - kept)) / total
  }
  return { reached: Math.min(1, reached), made: Math.min(1, made) }
}

/** Work done in this run, in videos. */
const workDone = (state: RunState): number => {
  const parts = partsOf(state)
  return [...state.active.values()].reduce(
    (sum, video) => sum + progressOf(parts, video).made,
    state.finishedWork,
  )
}

/** How far the videos under way are, added up: two halfway through count as 1. */
export const workUnderWay = (state: RunState): number => {
  const parts = partsOf(state)
  return [...state.active.values()].reduce((sum, video) => sum + progressOf(parts, video).reached, 0)
}

/** Videos neither done nor failed, those under way included; undefined if the input does not say how many there are. */
export const videosLeft = (state: RunState): number | undefined =>
  state.videos === undefined ? undefined : Math.max(0, state.videos - state.done - state.failures.length)

/**
 * Seconds to go at the rate measured so far; undefined while too little is known, or while videos wait for batches: how long those
 * take does not show in what has been fetched. It falls while nothing moves: what is waited for does not make the rest take longer.
 */
export const eta = (state: RunState, nowMs: number): number | undefined => {
  const left = videosLeft(state)
  if (left === undefined || state.deferred.size > 0) return undefined
  return secondsLeft(state.pace, nowMs, left - workUnderWay(state))
}

/** Answers per minute, over the last minute, or since the start while that is less than a minute ago. */
export const answersPerMinute = (state: RunState, nowMs: number): number => {
  const spanMs = Math.min(minuteMs, Math.max(10_000, nowMs - state.startedMs))
  return (state.answeredMs.filter((at) => at > nowMs - spanMs).length * minuteMs) / spanMs
}

const withVideo = (
  state: RunState,
  videoId: string,
  change: (video: ActiveVideo) => ActiveVideo,
): RunState => {
  const video = state.active.get(videoId)
  if (video === undefined) return state
  return { ...state, active: new Map(state.active).set(videoId, change({ ...video, lastMs: state.nowMs })) }
}

/** Takes a video off the list; what was done on it counts. */
const withoutVideo = (state: RunState, videoId: string): RunState => {
  const video = state.active.get(videoId)
  if (video === undefined) return state
  const active = new Map(state.active)
  active.delete(videoId)
  return { ...state, active, finishedWork: state.finishedWork + progressOf(partsOf(state), video).made }
}

const withSlowest = (state: RunState, video: ActiveVideo | undefined): RunState => {
  if (video === undefined) return state
  const one = { videoId: video.videoId, seconds: (state.nowMs - video.startedMs) / 1000 }
  const slowest = [...state.slowest, one].toSorted((a, b) => b.seconds - a.seconds).slice(0, slowestKept)
  return { ...state, slowest }
}

const stageFinished = (state: RunState, videoId: string, stage: string): RunState => {
  const current = state.active.get(videoId)?.stage
  if (current?.name !== stage) return state
  const kept = current.total === 0 ? 1 : current.kept / current.total
  const next = withVideo(state, videoId, ({ stage: _finished, ...video }) => ({
    ...video,
    what: "",
    finishedStages: [...video.finishedStages, { name: stage, kept }],
  }))
  return kept > 0 ? next : { ...next, pace: stageTook(next.pace, stage, state.nowMs - current.startedMs) }
}

const applied = (state: RunState, event: RunEvent): RunState => {
  switch (event.type) {
    case "BatchStarted":
      return { ...state, videos: event.videos ?? undefined }
    case "VideoStarted": {
      const { videoId, file } = event
      const { nowMs } = state
      const video = { videoId, file, startedMs: nowMs, lastMs: nowMs, what: "", finishedStages: [] }
      const [postponed, deferred] = [new Set(state.postponed), new Set(state.deferred)]
      postponed.delete(videoId)
      deferred.delete(videoId)
      return { ...state, postponed, deferred, active: new Map(state.active).set(videoId, video) }
    }
    case "StageStarted":
      return withVideo(state, event.videoId, (video) => ({
        ...video,
        what: "",
        stage: { name: event.stage, total: event.total, done: 0, kept: 0, startedMs: state.nowMs },
      }))
    case "StageAdvanced": {
      const { kept, what } = event
      const isStep = event.stage === refine.name && !kept
      return withVideo({ ...state, steps: state.steps + (isStep ? 1 : 0) }, event.videoId, (video) =>
        video.stage === undefined
          ? video
          : {
              ...video,
              what: `${what} ${kept ? "kept" : "done"}`,
              stage: {
                ...video.stage,
                done: video.stage.done + 1,
                kept: video.stage.kept + (kept ? 1 : 0),
              },
            },
      )
    }
    case "AnswerReceived": {
      if (event.recalled) return state
      const answeredMs = [...state.answeredMs.filter((at) => at > state.nowMs - minuteMs), state.nowMs]
      return {
        ...state,
        answers: state.answers + 1,
        promptTokens: state.promptTokens + (event.promptTokens ?? 0),
        completionTokens: state.completionTokens + (event.completionTokens ?? 0),
        costUsd: state.costUsd + (event.costUsd ?? 0),
        unpriced: state.unpriced + (event.costUsd === null && event.estimatedCostUsd === null ? 1 : 0),
        estimatedTokens: state.estimatedTokens + (event.estimatedTokens ?? 0),
        estimatedCostUsd: state.estimatedCostUsd + (event.estimatedCostUsd ?? 0),
        answeredMs,
      }
    }
    case "AnswerRejected":
      return withVideo({ ...state, rejected: state.rejected + 1 }, event.videoId, (video) => ({
        ...video,
        what: `${event.what} rejected`,
      }))
    case "StageFinished":
      return stageFinished(state, event.videoId, event.stage)
    case "Flagged": {
      const { flag, videoId, what, why } = event
      const flags = [...state.flags, { video_id: videoId, what, flag, why }]
      return withVideo({ ...state, flags }, videoId, (video) => video)
    }
    case "Notice":
      return withVideo(state, event.videoId, (video) => video)
    case "VideoFinished":
      return withSlowest(
        { ...withoutVideo(state, event.videoId), done: state.done + 1 },
        state.active.get(event.videoId),
      )
    case "VideoFailed": {
      const { videoId, file, reason, message } = event
      const stage = event.stage === undefined ? null : stageNumber(event.stage, state.stages)
      const next = withoutVideo(state, videoId)
      if (event.willRetry) return { ...next, postponed: new Set(next.postponed).add(videoId) }
      const failure = { video_id: videoId, source_video: file, stage, reason, message }
      return withSlowest({ ...next, failures: [...next.failures, failure] }, state.active.get(videoId))
    }
    case "VideoPostponed":
      return event.why === "locked"
        ? {
            ...withoutVideo(state, event.videoId),
            postponed: new Set(state.postponed).add(event.videoId),
          }
        : {
            ...withoutVideo(state, event.videoId),
            deferred: new Set(state.deferred).add(event.videoId),
          }
    case "ModelLoad":
      return { ...state, load: event }
    case "ModelSilent":
      return state
    case "BatchStopping":
      return { ...state, stopping: event.cause }
    case "BatchFinished":
      return { ...state, load: { ...state.load, inFlight: 0, waiting: 0, pausedMs: 0 } }
  }
}

/** What was done by an event that came at `nowMs`, for a report: neither how fast it goes nor what is waited for is followed. */
export const counted = (state: RunState, event: RunEvent, nowMs: number): RunState =>
  applied({ ...state, nowMs }, event)

/** What is known after an event that came at `nowMs`. */
export const advance = (state: RunState, event: RunEvent, nowMs: number): RunState => {
  const next = counted(state, event, nowMs)
  const onlyLater = next.active.size === 0 && next.postponed.size + next.deferred.size === videosLeft(next)
  const stall = stallAfter(state.stall, event, nowMs, {
    lockedMs: onlyLater && next.postponed.size > 0,
    deferredMs: onlyLater && next.postponed.size === 0 && next.deferred.size > 0,
  })
  return { ...next, stall, pace: sampled(next.pace, nowMs, workDone(next)) }
}
