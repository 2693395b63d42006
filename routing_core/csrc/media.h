/* The parts of the media engine as they see each other; Python sees only media.cdef.h. */
#ifndef RC_MEDIA_H
#define RC_MEDIA_H

#include "rc.h"
#include "ring.h"

enum {
	RC_TICK_SAMPLES = 160,   /* 20 ms at 8 kHz */
	RC_FRAME_HEADER = 3,     /* bytes */
	RC_FRAME_LONGEST = 3200, /* bytes of payload: 200 ms; Asterisk sends 20 or 40 ms at once */
};

/* ---- frame.c: AudioSocket on the wire ---- */

enum rc_frame_kind {
	RC_FRAME_HANGUP = 0x00,
	RC_FRAME_UUID = 0x01,  /* 16 bytes, the first frame */
	RC_FRAME_DIGIT = 0x03, /* one ASCII character */
	RC_FRAME_AUDIO = 0x10, /* signed 16 bit, little-endian, 8 kHz */
	RC_FRAME_ERROR = 0xff,
};

struct rc_frame {
	uint8_t kind;
	uint16_t length;
	const uint8_t *payload; /* good until the reader's next frame */
};

/* All zero is a fresh one. */
struct rc_frame_reader {
	uint16_t have; /* bytes of an unfinished frame */
	uint8_t held[RC_FRAME_HEADER + RC_FRAME_LONGEST];
};

/* The next frame of the bytes from `*at` to `end`, moving `*at` past it. RC_NONE when all bytes are
 * taken and no frame is complete; RC_BAD for a frame longer than RC_FRAME_LONGEST, after which the
 * connection cannot be understood any more. */
enum rc_status rc_frame_next(struct rc_frame_reader *reader, const uint8_t **at, const uint8_t *end,
	struct rc_frame *frame);

/* ---- speech.c: what one caller hears ---- */

/* All zero is silence. The clips' samples stay the caller's. */
struct rc_speech {
	struct rc_clip clips[RC_MEDIA_CLIPS];
	uint32_t count;
	uint32_t current; /* clip being spoken */
	uint32_t offset;  /* samples of it already spoken */
	uint32_t tag;
	bool speaking;
	struct rc_clip music; /* length 0: none */
	uint32_t music_offset;
};

void rc_speech_play(
	struct rc_speech *speech, const struct rc_clip *clips, uint32_t count, uint32_t tag);
void rc_speech_stop(struct rc_speech *speech);
void rc_speech_music(struct rc_speech *speech, struct rc_clip music);

/* Makes the next RC_TICK_SAMPLES, as the bytes of a frame; true when the last of the playlist is
 * among them. */
bool rc_speech_next(struct rc_speech *speech, uint8_t *out);

/* ---- record.c: what one caller says, in chunks of a second ---- */

enum { RC_CHUNK_STRIDE = RC_CHUNK_SAMPLES + RC_CHUNK_SPARE / 2 }; /* samples */

/* One-second buffers: free, held by a recording, or lent to the recorder thread. */
struct rc_chunks {
	int16_t *audio; /* RC_CHUNK_STRIDE each */
	uint32_t count;
	uint32_t of_one; /* most that one call may hold or have lent */
	uint32_t *free;  /* beside `returned`: chunks nobody holds */
	struct rc_ring returned;
	struct rc_media_chunk *lent; /* beside `lending` */
	struct rc_ring lending;
	bool begun_or_ended; /* a recording whose chunk was lent: the recorder is to look now */
	bool *is_lent;       /* by chunk: the recorder thread has it, or will */
	uint64_t *call_of;   /* by chunk, of those lent */
	uint32_t *lent_of;   /* by place of a call: how many so far */
	_Atomic uint32_t *returned_of;
};

/* All zero is none. */
struct rc_recording {
	bool on;
	bool spoke;      /* somebody has been heard in it */
	bool told_quiet; /* of the quiet since they last were, or of there being nobody */
	uint64_t call;
	uint8_t uuid[16];
	uint64_t began_ns;
	uint64_t samples;    /* so far */
	uint64_t longest;    /* samples */
	uint64_t spoke_from; /* `samples` when somebody was first heard */
	uint64_t spoke_at;   /* and last */
	uint32_t chunk;      /* being filled */
	uint32_t filled;     /* samples of it */
	uint32_t number;     /* of it, from 0 */
	uint32_t quiet;      /* samples of quiet that end speech; 0: never told */
	uint32_t silent;     /* samples without a word that are told; 0: never */
};

/* Why a recording went no further. */
enum rc_recording_state { RC_RECORDING_GOES_ON, RC_RECORDING_IS_FULL, RC_RECORDING_IS_STALLED };

void rc_chunks_init(struct rc_chunks *chunks);
int16_t *rc_chunk_audio(const struct rc_chunks *chunks, uint32_t chunk);

/* The recorder thread has done with it: it is wiped and free. RC_BAD: it was not lent. */
enum rc_status rc_chunk_give_back(struct rc_chunks *chunks, uint32_t chunk);

/* RC_FULL: no chunk is free, or too many of this call wait. `call` and `uuid` stand already. */
enum rc_status rc_recording_begin(struct rc_recording *recording, struct rc_chunks *chunks,
	uint64_t now_ns, uint64_t longest);

/* Has the quiet, or the silence from the begin on, just become long enough to be told? */
bool rc_recording_is_over(struct rc_recording *recording);

/* Appends what was heard. Full and stalled recordings are already ended, last chunk lent. */
enum rc_recording_state rc_recording_hear(struct rc_recording *recording, struct rc_chunks *chunks,
	uint64_t now_ns, const int16_t *pcm, uint32_t samples);

/* Puts silence where nothing arrived, so that a second of recording is a second of the call. */
enum rc_recording_state rc_recording_keep_time(
	struct rc_recording *recording, struct rc_chunks *chunks, uint64_t now_ns);

/* Makes the last `samples` silent, as far as they have not been lent yet. */
void rc_recording_forget(
	struct rc_recording *recording, struct rc_chunks *chunks, uint64_t samples);

/* Lends the last chunk, which may be short or empty. */
void rc_recording_end(struct rc_recording *recording, struct rc_chunks *chunks);

#endif
