import { activityNet, activityNetCaptions } from "./activitynet.ts"
import { crossTask } from "./crosstask.ts"
import { assembly101, epicKitchens, goalStep, keystep } from "./egocentric.ts"
import { elan } from "./elan.ts"
import type { GoldFormat } from "./GoldFormat.ts"
import { gebd } from "./gebd.ts"
import { coin, youCook2 } from "./instructional.ts"
import { labelStudio } from "./label-studio.ts"
import { msTcn } from "./mstcn.ts"
import { lerobot, wgo } from "./parquet.ts"
import { subRip, webVtt } from "./subtitles.ts"
import { csv, jsonl } from "./table.ts"
import { via3 } from "./via3.ts"

/** All formats that gold is read from, the ones that say most about their files first. */
export const goldFormats: ReadonlyArray<GoldFormat> = [
  wgo,
  lerobot,
  goalStep,
  keystep,
  youCook2,
  coin,
  activityNet,
  activityNetCaptions,
  gebd,
  labelStudio,
  via3,
  elan,
  crossTask,
  msTcn,
  epicKitchens,
  assembly101,
  webVtt,
  subRip,
  csv,
  jsonl,
]
