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
	uint32_t chunks;         /* seconds of recording that may wait to be sealed, of all calls */
	uint32_t chunks_of_one;  /* and of any one call, that which is being spoken included */
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
	RC_ORDER_PLAY = 1, /* clips, tag; in place of what is being spoken */
	RC_ORDER_STOP_PLAYING,
	RC_ORDER_MUSIC,  /* clips[0] for ever when nothing is spoken; count 0: none */
	RC_ORDER_RECORD, /* longest, quiet; a recording that runs is ended first */
	RC_ORDER_STOP_RECORDING,
	RC_ORDER_LISTEN, /* tones, silent: for what the line says; without tones, no more */
	RC_ORDER_CLOSE,
};

struct rc_media_command {
	uint64_t call;
	uint32_t order;
	uint32_t count;
	uint32_t tag;
	uint32_t longest; /* samples */
	uint32_t quiet;   /* samples; 0: end of speech is not told */
	uint32_t silent;  /* samples without a word from the begin on; 0: not told */
	/* The caller's, as a clip's samples are. */
	const struct rc_progress_table *tones;
	struct rc_clip clips[RC_MEDIA_CLIPS];
};

enum rc_media_event_kind {
	RC_MEDIA_OPENED = 1,      /* uuid */
	RC_MEDIA_TONE_BEGAN,      /* digit, heard in the audio; at_ns is its onset */
	RC_MEDIA_TONE_ENDED,      /* digit */
	RC_MEDIA_KEY_FRAME,       /* digit, told by Asterisk at its end */
	RC_MEDIA_PLAYED,          /* tag; all of the playlist was sent */
	RC_MEDIA_SPEECH_ENDED,    /* spoke: and was quiet since; else nobody spoke at all */
	RC_MEDIA_RECORDING_ENDED, /* samples, spoke; by command or because the caller left */
	RC_MEDIA_RECORDING_FULL,  /* samples, spoke; at its longest */
	RC_MEDIA_STALLED,         /* samples, spoke; too much of it waits to be sealed */
	RC_MEDIA_LINE_TONE,       /* tag: which of the tones listened for */
	RC_MEDIA_LINE_SILENT,     /* nothing was heard or keyed for as long as was asked */
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

/* Readable when there are events, or chunks that begin or end a recording. Nobody is woken for the
 * seconds between them: look for those a few times a second. */
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
