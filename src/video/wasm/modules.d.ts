declare module "@ffmpeg/core" {
  /** Starts an instance. `config` becomes the core itself. */
  const createCore: (config: {
    readonly instantiateWasm: (
      imports: WebAssembly.Imports,
      receive: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
    ) => object
  }) => Promise<import("./emscripten.ts").Core>
  export default createCore
}

declare module "@ffmpeg/core/wasm" {
  /** Path of the file, with `type: "file"`. */
  const path: string
  export default path
}

declare module "@ffmpeg/ffmpeg/worker" {}
