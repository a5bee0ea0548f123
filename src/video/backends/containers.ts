/** Containers that libav may open at all: no playlists (they name other files), no subtitles, no text art, no pictures. */
export const CONTAINERS =
  "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,nut,rm,ivf,wtv,dv,gif,yuv4mpegpipe,h264,hevc,m4v,obu," +
  "mp3,wav,flac,aac,ac3,amr,aiff,caf"
