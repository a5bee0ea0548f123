/** Containers that libav may open at all: no playlists (they name other files), no subtitles, no text art, no single pictures. */
export const CONTAINERS =
  "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,nut,rm,ivf,wtv,dv,gif,apng,yuv4mpegpipe,h264,hevc,m4v,obu," +
  "mp3,wav,flac,aac,ac3,amr,aiff,caf"

/**
 * libav's name of MP4 and its kin: searched by presentation time, and with headers that say all that decoding takes but how
 * many frames the decoder holds back.
 */
export const MP4_FAMILY = "mov,mp4,m4a,3gp,3g2,mj2"
