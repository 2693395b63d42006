/* The C core as Python sees it. No preprocessor here: cffi reads this file, and rc.h includes it.
 *
 * The core owns nothing: the caller brings every byte and keeps it alive. No function allocates,
 * logs or calls back. A function that can fail returns an rc_status and leaves its outputs alone
 * when it does. */

/* ---- common ---- */

enum rc_status {
	RC_OK = 0,
	RC_NONE = 1,   /* nothing there now: no match, no event */
	RC_FULL = 2,   /* a table or ring has no room; nothing was changed */
	RC_BAD = 3,    /* an argument outside its declared range; nothing was changed */
	RC_SYSTEM = 4, /* the kernel refused; errno says why */
};

/* Audio is 8 kHz, 16 bit, native byte order. A level in dBm0 is of the whole signal; 0 dBm0 is a
 * sine of peak 22,827 so that a sine of full scale is +3.14 dBm0 (ITU-T G.711, A-law). */

/* ---- g711 ---- */

void rc_alaw_encode(const int16_t *pcm, uint8_t *codes, size_t samples);
void rc_alaw_decode(const uint8_t *codes, int16_t *pcm, size_t samples);
void rc_ulaw_encode(const int16_t *pcm, uint8_t *codes, size_t samples);
void rc_ulaw_decode(const uint8_t *codes, int16_t *pcm, size_t samples);

/* ---- level ---- */

/* The level of these samples; digital silence, and none at all, is -99 dBm0. */
double rc_level_dbm0(const int16_t *pcm, size_t samples);

/* Is somebody speaking? Judged in blocks of 20 ms against the line's own noise: `speaking` turns on
 * 40 ms after speech begins, and off 240 ms after it ends. Any chunk size gives the same answer. */
struct rc_voice {
	double floor_dbm0; /* the line's noise, learned */
	uint64_t energy;   /* of the block being gathered */
	uint32_t gathered; /* samples of it */
	uint32_t loud;     /* blocks in a row above the floor */
	uint32_t quiet;    /* blocks in a row near it */
	bool learned;      /* the floor has been set by a first block */
	bool speaking;
};

void rc_voice_init(struct rc_voice *voice);
bool rc_voice_feed(struct rc_voice *voice, const int16_t *pcm, size_t samples);

/* ---- tone ---- */

/* One or two sines with 5 ms of rise and fall, as one sound of a given length. */
struct rc_sine {
	double re, im;           /* where the phasor points; its length is the amplitude */
	double turn_re, turn_im; /* one sample's turn */
};

struct rc_tone {
	struct rc_sine sine[2];
	uint64_t at;      /* samples made */
	uint64_t samples; /* samples in all */
};

/* RC_BAD for a frequency outside 0 < Hz < 4000 or a level above +3.14 dBm0. For a single sine give
 * it -99 dBm0 as the second's level. */
enum rc_status rc_tone_pair(
	struct rc_tone *tone, double hz, double dbm0, double hz2, double dbm02, uint64_t samples);

/* The pair of ITU-T Q.23 for 0-9 * # A-D, each tone at `dbm0`. RC_BAD for another character. */
enum rc_status rc_tone_digit(struct rc_tone *tone, char digit, double dbm0, uint64_t samples);

/* The tone after which a caller speaks: 1 kHz, -10 dBm0, 0.3 s. */
void rc_tone_beep(struct rc_tone *tone);

/* Makes up to `samples` more of it and returns how many; 0 once it is over. The sum is clipped to
 * 16 bit. */
size_t rc_tone_next(struct rc_tone *tone, int16_t *pcm, size_t samples);

/* ---- dtmf ---- */

/* A digit keyed as two tones in the audio itself. Windows of 20 ms, one each 4 ms; any chunk size
 * gives the same answer. Where the line is clean, a digit is decided 30-34 ms after its begin and
 * its end 34-38 ms after it: holes of up to 20 ms are bridged, pauses of 30 ms part two digits. */
enum {
	RC_DTMF_WINDOW = 160, /* samples looked at together */
	RC_DTMF_HOP = 32,     /* samples from one look to the next */
	RC_DTMF_PAST = 16,    /* looks remembered; a power of two */
	RC_DTMF_TONES = 8,    /* 697 770 852 941 1209 1336 1477 1633 Hz */
};

enum { RC_DTMF_BEGAN = 1, RC_DTMF_ENDED = 2 };

struct rc_dtmf_event {
	uint8_t kind;            /* RC_DTMF_BEGAN or RC_DTMF_ENDED */
	char digit;              /* 0-9 * # A-D */
	uint64_t at_sample;      /* when it truly began or ended, in samples since init */
	uint64_t decided_sample; /* how much had been heard when we knew */
};

/* What one window holds. Power is the mean square of a sine at exactly that frequency. */
struct rc_dtmf_look {
	float re[RC_DTMF_TONES];
	float im[RC_DTMF_TONES];
	float power[RC_DTMF_TONES];
	float energy; /* mean square of x[n] - x[n-2]: all that is there but DC and hum */
};

struct rc_dtmf {
	uint64_t heard; /* samples */
	uint64_t looks; /* windows analysed; look k stands at past[k % RC_DTMF_PAST] */
	int16_t recent[RC_DTMF_WINDOW];
	uint32_t filled; /* samples in `recent` */
	struct rc_dtmf_look past[RC_DTMF_PAST];
	char digit;                  /* the digit now down, or 0 */
	uint8_t low, high;           /* its tones */
	float low_power, high_power; /* as they were when it was decided */
	uint32_t absent;             /* looks in a row without it */
	uint64_t gone_sample;        /* when the first of them began */
};

void rc_dtmf_init(struct rc_dtmf *d);

/* Hears `samples` more and returns the number of events written. With room for 2 * (samples /
 * RC_DTMF_HOP + 1) none is ever lost; beyond its room, an event is dropped. */
size_t rc_dtmf_feed(struct rc_dtmf *d, const int16_t *pcm, size_t samples,
	struct rc_dtmf_event *out, size_t room);

/* ---- acd ---- */

/* Who answers whom. Calls and agents are slots of two tables, numbered from 0; a skill is a bit. A
 * call waits from the moment it is said to until it is said to leave, and likewise an agent is
 * free: asking for a match changes nothing. Every order is by keys that never change, so a call put
 * back with its old `since_ms` has its old rank. */
struct rc_acd;

struct rc_match {
	uint32_t call;
	uint32_t agent;
};

/* Bytes for tables of these sizes, to be brought to rc_acd_init aligned to 8. They hold pointers
 * into themselves: not to be moved or copied. */
size_t rc_acd_size(uint32_t agents, uint32_t calls);
struct rc_acd *rc_acd_init(void *memory, uint32_t agents, uint32_t calls);

/* The call now waits (again, by these keys, if it already did). It should be answered within
 * `target_ms` of `since_ms`. RC_BAD for a slot outside the table, a negative target, or a deadline
 * that int64_t cannot hold. */
enum rc_status rc_acd_call_waits(
	struct rc_acd *acd, uint32_t call, uint64_t needs, int64_t since_ms, int64_t target_ms);

/* RC_NONE when it was not waiting; RC_BAD for a slot outside the table. */
enum rc_status rc_acd_call_leaves(struct rc_acd *acd, uint32_t call);

/* The agent is free since then (again, by these keys). RC_BAD for a slot outside the table. */
enum rc_status rc_acd_agent_free(
	struct rc_acd *acd, uint32_t agent, uint64_t skills, int64_t since_ms);

/* RC_NONE when it was not free; RC_BAD for a slot outside the table. */
enum rc_status rc_acd_agent_busy(struct rc_acd *acd, uint32_t agent);

/* The call with the earliest deadline that somebody free can help; among equals the longest
 * waiting, then the lowest slot. Of the free agents who have all it needs, the one with the fewest
 * other skills, so that the rare ones stay free; among equals the longest idle, then the lowest
 * slot. RC_NONE when no caller can be helped now. */
enum rc_status rc_acd_next(const struct rc_acd *acd, struct rc_match *out);

/* The call's place among the waiting calls that need just the same, 1 being next; 0 when it does
 * not wait. */
uint32_t rc_acd_position(const struct rc_acd *acd, uint32_t call);
/* ---- media ---- */

/* The callers' audio: an AudioSocket server with one thread of its own that never needs Python.
 *
 * Three threads meet here, each with its own door. The loop thread sends commands, feeds, and takes
 * events; the recorder thread takes chunks and gives them back; the engine does the rest. A call is
 * named by a handle that says its place and how often the place has been used, so that a late
 * command to a caller who left reaches nobody. */

enum {
	RC_MEDIA_CALLS_MOST = 1024,
	RC_MEDIA_CLIPS = 32,     /* of one playlist */
	RC_CHUNK_SAMPLES = 8000, /* a second */
	RC_CHUNK_SPARE = 16,     /* bytes after its samples, for the seal's tag */
};

struct rc_media;

struct rc_media_settings {
	uint32_t calls;          /* 1 to RC_MEDIA_CALLS_MOST */
	uint32_t chunks;         /* seconds of recording that may wait to be sealed */
	uint32_t unfed_after_ms; /* without rc_media_feed for so long, every caller is let go */
	uint16_t port;           /* on 127.0.0.1; 0: any that is free */
};

/* Sound to play. The samples are the caller's and must not change until the engine has taken a
 * later command of that call, or has told that the call is closed. */
struct rc_clip {
	const int16_t *samples;
	uint32_t length;
};

enum rc_media_order {
	RC_ORDER_PLAY = 1, /* clips, tag, stops_on_key; in place of what is being spoken */
	RC_ORDER_STOP_PLAYING,
	RC_ORDER_MUSIC,      /* clips[0] for ever when nothing is spoken; count 0: none */
	RC_ORDER_EXPECT_KEY, /* digit: its end is still to come and stops nothing */
	RC_ORDER_RECORD,     /* longest, quiet; a recording that runs is ended first */
	RC_ORDER_STOP_RECORDING,
	RC_ORDER_CLOSE,
};

struct rc_media_command {
	uint64_t call;
	uint32_t order;
	uint32_t count;
	uint32_t tag;
	uint32_t longest; /* samples */
	uint32_t quiet;   /* samples; 0: end of speech is not told */
	char digit;
	bool stops_on_key;
	struct rc_clip clips[RC_MEDIA_CLIPS];
};

enum rc_media_event_kind {
	RC_MEDIA_OPENED = 1,      /* uuid */
	RC_MEDIA_TONE_BEGAN,      /* digit, heard in the audio; at_ns is its onset */
	RC_MEDIA_TONE_ENDED,      /* digit */
	RC_MEDIA_KEY_FRAME,       /* digit, told by Asterisk at its end */
	RC_MEDIA_PLAYED,          /* tag; all of the playlist was sent */
	RC_MEDIA_SPEECH_ENDED,    /* the caller spoke, and was quiet since */
	RC_MEDIA_RECORDING_ENDED, /* samples, spoke; by command or because the caller left */
	RC_MEDIA_RECORDING_FULL,  /* samples, spoke; at its longest */
	RC_MEDIA_STALLED,         /* samples, spoke; no chunk was free */
	RC_MEDIA_CLOSED,          /* reason; nothing of this call comes after it */
};

enum rc_media_reason {
	RC_CLOSED_HUNG_UP = 1, /* the other side ended it */
	RC_CLOSED_LOST,        /* the connection broke */
	RC_CLOSED_PEER_FAILED, /* the other side told an error */
	RC_CLOSED_BAD_FRAME,   /* it does not speak AudioSocket */
	RC_CLOSED_PEER_STUCK,  /* it reads nothing, or never finishes a frame */
	RC_CLOSED_LET_GO,      /* by command */
	RC_CLOSED_ALL_LET_GO,  /* by rc_media_let_go_all */
	RC_CLOSED_UNFED,       /* the dead-man's handle */
	RC_CLOSED_UNHEARD,     /* its events found no room */
	RC_CLOSED_STOPPED,     /* the engine stopped */
};

struct rc_media_event {
	uint64_t call;
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	uint32_t kind;
	uint32_t tag;
	uint32_t samples;
	uint8_t reason;
	char digit;
	bool spoke;
	uint8_t uuid[16];
};

struct rc_media_chunk {
	uint64_t call;
	uint8_t uuid[16];
	uint32_t chunk;   /* which buffer; to be given back */
	uint32_t number;  /* of this recording, from 0 */
	uint32_t samples; /* RC_CHUNK_SAMPLES, but for the last, which may have none */
	bool last;
};

/* Counts since the start, but for `calls` and `chunks_free`, which are of now. */
struct rc_media_stats {
	uint64_t calls;
	uint64_t chunks_free;
	uint64_t opened;
	uint64_t refused; /* no room, no UUID, a UUID that is already here, or unfed */
	uint64_t frames_in;
	uint64_t frames_out;
	uint64_t samples_dropped; /* of callers who send faster than they speak */
	uint64_t ticks;
	uint64_t ticks_late; /* by more than 5 ms */
	uint64_t tick_late_worst_ns;
	uint64_t tick_work_worst_ns;
	uint64_t cpu_ns;        /* of the engine's thread */
	uint64_t memory_locked; /* 1: no audio can reach a swap */
	uint64_t real_time;     /* 1: the thread goes before others on a busy machine */
};

/* How much memory an engine needs; 0 for settings out of range. */
size_t rc_media_size(const struct rc_media_settings *settings);

/* Makes an engine in `memory`, all zero, aligned to a page, and listens. Nothing runs yet. RC_BAD:
 * settings or memory; RC_SYSTEM: errno. */
enum rc_status rc_media_open(void *memory, size_t size, const struct rc_media_settings *settings,
	struct rc_media **media);

enum rc_status rc_media_start(struct rc_media *media);

/* Ends every recording and closes every call, then the thread. Events and chunks stay readable. */
void rc_media_stop(struct rc_media *media);

/* Closes the descriptors and wipes the memory, which is the caller's again. Stopped engines only.
 */
void rc_media_shut(struct rc_media *media);

uint16_t rc_media_port(const struct rc_media *media);

/* Readable when there are events, or chunks. */
int rc_media_event_fd(const struct rc_media *media);
int rc_media_chunk_fd(const struct rc_media *media);

/* The loop thread's: */
enum rc_status rc_media_command(struct rc_media *media, const struct rc_media_command *command);
uint64_t rc_media_commands_taken(const struct rc_media *media);
enum rc_status rc_media_next_event(struct rc_media *media, struct rc_media_event *event);
void rc_media_feed(struct rc_media *media);
void rc_media_let_go_all(struct rc_media *media);

/* The recorder thread's. A chunk given back is wiped. */
enum rc_status rc_media_next_chunk(struct rc_media *media, struct rc_media_chunk *chunk);
int16_t *rc_media_chunk_audio(struct rc_media *media, uint32_t chunk);
enum rc_status rc_media_give_back(struct rc_media *media, uint32_t chunk);

/* Anybody's: */
void rc_media_stats(const struct rc_media *media, struct rc_media_stats *stats);
