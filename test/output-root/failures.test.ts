import { expect, test } from "bun:test"
import { type FailedVideo, groupFailures } from "../../src/output-root/failures.ts"

const failed = (id: string, reason: string, stage: FailedVideo["stage"]): FailedVideo => ({
  video_id: id,
  source_video: `/v/${id}.mp4`,
  stage,
  reason,
  message: "no",
})

test("failures of one reason in one stage are a group, the largest first, and its videos are in order", () => {
  const groups = groupFailures([
    failed("d", "Transient", 2),
    failed("b", "Transient", 1),
    failed("a", "NotAVideo", null),
    failed("C", "Transient", 2),
    failed("e", "AnswerRejected", 3),
  ])
  expect(
    groups.map(({ reason, stage, videos }) => [reason, stage, videos.map((video) => video.video_id)]),
  ).toEqual([
    ["Transient", 2, ["C", "d"]],
    ["AnswerRejected", 3, ["e"]],
    ["NotAVideo", null, ["a"]],
    ["Transient", 1, ["b"]],
  ])
  expect(groupFailures([])).toEqual([])
})
