import { Effect, Layer } from "effect"
import manifest from "../package.json"

/**
 * Spans and metrics over OTLP (JSON over HTTP) if the environment names an endpoint in the standard variable
 * `OTEL_EXPORTER_OTLP_ENDPOINT`; else nothing, and nothing is loaded for it.
 */
export const layer = (env: Readonly<Record<string, string | undefined>>): Layer.Layer<never> => {
  const baseUrl = env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim()
  if (!baseUrl) return Layer.empty
  return Layer.unwrapEffect(
    Effect.promise(async () => {
      const { layerJson } = await import("@effect/opentelemetry/Otlp")
      const { layer: client } = await import("@effect/platform/FetchHttpClient")
      const resource = {
        serviceName: env.OTEL_SERVICE_NAME?.trim() || manifest.name,
        serviceVersion: manifest.version,
      }
      return layerJson({ baseUrl, resource }).pipe(Layer.provide(client))
    }),
  )
}
