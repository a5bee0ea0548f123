import { anthropicBatches } from "../batch-api/anthropic/service.ts"
import type { BatchService } from "../batch-api/BatchService.ts"
import type { BatchWay } from "../batch-api/http.ts"
import { openAiBatches } from "../batch-api/openai/service.ts"
import { runBatchFiles } from "../batch-api/run-batch/service.ts"
import type { BatchForm } from "../protocols/Protocol.ts"
import type { Service } from "./calling.ts"
import { headersOf, searchOf } from "./credentials.ts"

const apis: Readonly<Record<BatchForm["api"], (way: BatchWay) => BatchService>> = {
  openai: openAiBatches,
  anthropic: anthropicBatches,
}

/**
 * Whoever answers requests that are submitted by the file.
 *
 * @param runBatchFolder where files for `vllm run-batch` go; undefined for the service's own batch API
 */
export const batchServiceOf = (
  { endpoint, protocol, redaction, settings }: Service,
  { api, headers = {} }: BatchForm,
  runBatchFolder: string | undefined,
): BatchService =>
  runBatchFolder === undefined
    ? apis[api]({
        base: endpoint.base,
        search: searchOf(settings, endpoint),
        headers: { ...headers, ...headersOf(settings, protocol, endpoint) },
        protocol,
        redaction,
      })
    : runBatchFiles(runBatchFolder, settings.model, redaction)

/** Where requests are submitted, without secrets: by that their batches are known again. */
export const placeOf = ({ endpoint, redaction }: Service, runBatchFolder: string | undefined): string =>
  runBatchFolder ?? redaction.message(endpoint.base)
