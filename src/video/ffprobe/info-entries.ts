/**
 * What `ffprobe` is asked to print of streams and container, for `-show_entries`: nothing that a file can make long, as it can its
 * tags. A codec's header is printed with `-show_data` alone.
 */
export const INFO_ENTRIES: ReadonlyArray<string> = [
  "stream=index,codec_type,codec_name,width,height,has_b_frames,pix_fmt,chroma_location,color_space,color_range",
  "stream=sample_aspect_ratio,time_base,avg_frame_rate,bit_rate,sample_rate,channels,extradata_size,extradata",
  "stream_disposition",
  "stream_side_data_list",
  "stream_side_data",
  "format=format_name",
]

/** What `ffprobe` is asked to print of packets, to find them in the file and to tell their times. */
export const PLACE_ENTRIES = "packet=stream_index,pts,dts,pos,size"
