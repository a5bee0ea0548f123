"""Samples the same frames with another library. Prints one line of JSON. Not needed by the project itself."""

import json
import sys
import time

peer, path, indices, times = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])


def opencv(encode):
    import cv2

    def run():
        capture = cv2.VideoCapture(path)
        size = 0
        for index in indices:
            capture.set(cv2.CAP_PROP_POS_FRAMES, index)
            ok, frame = capture.read()
            assert ok, index
            size += len(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]) if encode else frame.nbytes
        return size

    return run


def pyav():
    import av

    def run():
        size = 0
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for seconds in times:
                container.seek(int(seconds / stream.time_base), stream=stream)
                for frame in container.decode(stream):
                    if float(frame.pts * stream.time_base) >= seconds - 1e-4:
                        size += frame.to_ndarray(format="rgb24").nbytes
                        break
        return size

    return run


def decord():
    import decord as library

    def run():
        reader = library.VideoReader(path, num_threads=2)
        return reader.get_batch(indices).asnumpy().nbytes

    return run


def torchcodec():
    from torchcodec.decoders import VideoDecoder

    def run():
        decoder = VideoDecoder(path, num_ffmpeg_threads=2)
        return decoder.get_frames_at(indices).data.nbytes

    return run


runs = {
    "opencv": lambda: opencv(False),
    "opencv-jpeg": lambda: opencv(True),
    "pyav": pyav,
    "decord": decord,
    "torchcodec": torchcodec,
}
run = runs[peer]()
started = time.perf_counter()
size = run()
seconds = time.perf_counter() - started
figures = {"seconds": seconds, "pictures": len(indices), "bytes": size}
try:
    with open("/proc/self/status") as status:
        peak = next(line for line in status if line.startswith("VmHWM:"))
        figures["peak_rss_mb"] = int(peak.split()[1]) * 1024 / 1e6
except OSError:
    pass
print(json.dumps(figures))
