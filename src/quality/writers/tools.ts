/** Writes projects of annotation programs: Label Studio and VIA 3. Videos are called like their ids, with `.mp4`. */

import { Either } from "effect"
import { type GoldWriter, jsonFile, microsecond, rounded } from "./GoldWriter.ts"

const fileOf = (videoId: string): string => `${videoId}.mp4`

/** Label Studio's tasks with timeline labels: frames from 1, the last one within the range. */
export const labelStudioWriter: GoldWriter = {
  name: "label-studio",
  countsFrames: true,
  precisionSec: 0,
  namesFiles: true,
  write: (videos, frameRate) =>
    Either.right([
      jsonFile(
        "label-studio.json",
        videos.map(({ videoId, segments }, task) => ({
          id: task + 1,
          data: { video: fileOf(videoId) },
          annotations: [
            {
              id: task + 1,
              result: segments.map(({ startSec, endSec, label }, i) => ({
                id: `${task + 1}-${i + 1}`,
                type: "timelinelabels",
                from_name: "timelineLabels",
                to_name: "video",
                origin: "manual",
                value: {
                  ranges: [
                    { start: Math.round(startSec * frameRate) + 1, end: Math.round(endSec * frameRate) },
                  ],
                  timelinelabels: [label],
                },
              })),
            },
          ],
        })),
      ),
    ]),
}

/** The kinds and places of VIA's files and attributes. */
const via = { video: 4, localFile: 1, text: 1 } as const

/** A project of VIA 3: a view a video, and one attribute of texts on temporal segments. */
export const via3Writer: GoldWriter = {
  name: "via3",
  precisionSec: microsecond,
  namesFiles: true,
  write: (videos) => {
    const numbered = videos.map((video, i) => ({ ...video, id: String(i + 1) }))
    const entries = <A>(entry: (video: (typeof numbered)[number]) => A) =>
      Object.fromEntries(numbered.map((video) => [video.id, entry(video)]))
    return Either.right([
      jsonFile("via3.json", {
        project: {
          pid: "__VIA_PROJECT_ID__",
          rev: "__VIA_PROJECT_REV_ID__",
          rev_timestamp: "__VIA_PROJECT_REV_TIMESTAMP__",
          pname: "steps",
          creator: "triptych",
          created: 0,
          vid_list: numbered.map(({ id }) => id),
          data_format_version: "3.1.1",
        },
        config: {
          file: { loc_prefix: { "1": "", "2": "", "3": "", "4": "" } },
          ui: {
            file_content_align: "center",
            file_metadata_editor_visible: true,
            spatial_metadata_editor_visible: true,
            temporal_segment_metadata_editor_visible: true,
            spatial_region_label_attribute_id: "",
            gtimeline_visible_row_count: "4",
          },
        },
        attribute: {
          "1": {
            aname: "step",
            anchor_id: "FILE1_Z2_XY0",
            type: via.text,
            desc: "What is done",
            options: {},
            default_option_id: "",
          },
        },
        file: entries(({ id, videoId }) => ({
          fid: id,
          fname: fileOf(videoId),
          type: via.video,
          loc: via.localFile,
          src: "",
        })),
        view: entries(({ id }) => ({ fid_list: [id] })),
        metadata: Object.fromEntries(
          numbered.flatMap(({ id, segments }) =>
            segments.map(({ startSec, endSec, label }, i) => [
              `${id}_${i + 1}`,
              { vid: id, flg: 0, z: [rounded(startSec), rounded(endSec)], xy: [], av: { "1": label } },
            ]),
          ),
        ),
      }),
    ])
  },
}
