/* The engine from inside, as its own files see it. One thread owns all of it but what is said to be
 * others'; so nothing here is locked.
 *
 *   caller.c   a caller comes, is told of, and goes
 *   hear.c     what a caller sends
 *   tick.c     what a caller is sent, and what time alone decides
 *   engine.c   the thread: waits, obeys, hands on
 *   media.c    the doors, the memory and the life of an engine
 *
 *   WAITING -- UUID --> OPEN -- either side ends it --> LEAVING -- closed and told --> FREE
 */
#ifndef RC_ENGINE_H
#define RC_ENGINE_H

#include <pthread.h>
#include <sys/epoll.h>

#include "media.h"

enum {
	RC_OUT_FRAME = RC_FRAME_HEADER + RC_TICK_SAMPLES * 2,
	RC_READ_MOST = 4096,         /* bytes taken from a connection at one time */
	RC_KEYS_MOST = 32,           /* digits at once; afterwards one a tick */
	RC_AUDIO_AHEAD_MOST = 16000, /* samples: 2 s that a stuck Asterisk may send at once */
	RC_TONE_EVENTS = 2 * (RC_FRAME_LONGEST / 2 / RC_DTMF_HOP + 1),
	RC_LINE_EVENTS = RC_PROGRESS_EVENTS * (RC_FRAME_LONGEST / 2 / RC_PROGRESS_HOP + 1),
	RC_DOORS = 4, /* descriptors that the thread sleeps on */
	RC_PARTS = 5, /* of a tick: a fifth of the places each */
};

static const uint64_t RC_TICK_NS = 20000000;
static const uint64_t RC_PART_NS = RC_TICK_NS / RC_PARTS;

/* Told once for each arrival, and not again while something lies there unread. */
static const uint32_t RC_HEAR_EVENTS = EPOLLIN | EPOLLRDHUP | EPOLLET;

/* What a ready descriptor is, in epoll's 64 bits; a caller's handle is never that small. */
enum rc_door { RC_FROM_LISTENER, RC_FROM_CLOCK, RC_FROM_COMMANDS, RC_FROM_CALLERS };

enum rc_stage { RC_FREE, RC_WAITING, RC_OPEN, RC_LEAVING };

struct rc_caller {
	enum rc_stage stage;
	uint32_t generation;
	int socket;        /* -1 once closed */
	uint8_t untold;    /* reason of an RC_MEDIA_CLOSED that found no room yet */
	char tone;         /* digit sounding now, or 0 */
	uint32_t may_send; /* samples */
	uint32_t keys_left;
	uint32_t held_size;     /* bytes of `held` that the other side has not taken yet */
	uint64_t since_ns;      /* in this stage */
	uint64_t heard_ns;      /* last audio */
	uint64_t unfinished_ns; /* when the frame now incomplete began; 0: none */
	uint64_t stuck_ns;      /* when the other side stopped reading; 0: it reads */
	struct rc_recording recording;
	struct rc_voice voice;
	struct rc_frame_reader reader; /* its begin is touched with what stands above */
	struct rc_dtmf dtmf;
	struct rc_speech speech;
	uint8_t uuid[16];
	uint8_t held[RC_OUT_FRAME];
	const struct rc_progress_table *tones; /* listened for on the line; NULL: none */
	struct rc_progress progress;
};

/* Hundreds of callers are in no cache when their turn comes: what will be touched of one is fetched
 * while the kernel is busy with the one before. */
static inline void rc_fetch(const void *from, const void *to)
{
	enum { LINE = 64 };

	for (const uint8_t *at = from; at < (const uint8_t *)to; at += LINE)
		__builtin_prefetch(at, 1);
}

/* Written by the engine alone, read by anybody. */
typedef _Atomic uint64_t rc_counter;

struct rc_media {
	struct rc_media_settings settings;
	size_t size;
	uint16_t port;
	int listener, doors, clock, callers_fd, command_fd, event_fd, chunk_fd;
	int spare; /* given up for a moment to turn a caller away when descriptors run out */
	pthread_t thread;
	bool started;
	_Atomic bool stopping;
	_Atomic bool all_to_go;
	_Atomic uint64_t fed_ns;

	/* the engine's own */
	uint64_t now_ns;
	uint64_t next_part_ns;
	uint32_t next_part;
	uint64_t wakes_ns; /* when the clock is set to */
	bool by_the_clock; /* callers are heard so, and not at arrival */
	bool told;         /* events wait for a signal */
	uint32_t free_count;
	uint32_t *free_callers;
	uint32_t in_part[RC_PARTS]; /* callers */
	struct rc_caller *callers;

	struct rc_ring commanding;
	struct rc_media_command *commands;
	struct rc_ring eventing;
	struct rc_media_event *events;
	struct rc_chunks chunks;

	rc_counter calls, opened, refused, frames_in, frames_out, samples_dropped;
	rc_counter ticks, ticks_late, tick_late_worst_ns, tick_work_worst_ns, cpu_ns;
	bool memory_locked;
	bool real_time;

	/* one for all: only one caller is read or spoken to at a time */
	int16_t heard[RC_FRAME_LONGEST / 2];
	uint8_t spoken[RC_OUT_FRAME]; /* its header never changes */
	struct rc_dtmf_event tones[RC_TONE_EVENTS];
	struct rc_progress_event line[RC_LINE_EVENTS];
	uint8_t bytes[RC_READ_MOST];
	struct epoll_event ready[RC_MEDIA_CALLS_MOST];
};

static inline void rc_add(rc_counter *of, uint64_t more)
{
	atomic_store_explicit(
		of, atomic_load_explicit(of, memory_order_relaxed) + more, memory_order_relaxed);
}

static inline bool rc_is_over(uint64_t since_ns, uint64_t limit_ns, uint64_t now_ns)
{
	return since_ns != 0 && now_ns - since_ns > limit_ns;
}

/* Nobody has fed the dead-man's handle for too long. */
static inline bool rc_is_unfed(const struct rc_media *media)
{
	uint64_t fed_ns = atomic_load_explicit(&media->fed_ns, memory_order_relaxed);

	/* It may have been fed since this batch began. */
	return media->now_ns > fed_ns &&
	       media->now_ns - fed_ns > (uint64_t)media->settings.unfed_after_ms * 1000000u;
}

/* ---- media.c ---- */

uint64_t rc_clock_ns(clockid_t clock);
void rc_signal_fd(int fd);
uint64_t rc_drain_fd(int fd);

/* ---- caller.c ---- */

uint64_t rc_handle_of(const struct rc_media *media, const struct rc_caller *caller);

/* NULL when the place has been left since. */
struct rc_caller *rc_caller_of(struct rc_media *media, uint64_t handle);

/* Makes the place free for the next. */
void rc_caller_free(struct rc_media *media, struct rc_caller *caller);
void rc_caller_free_if_done(struct rc_media *media, struct rc_caller *caller);

/* Takes everybody who knocks. */
void rc_callers_welcome(struct rc_media *media);
bool rc_callers_have_room(struct rc_media *media);
void rc_caller_seat(struct rc_media *media, int socket);

/* The first frame says who it is. */
void rc_caller_open(struct rc_media *media, struct rc_caller *caller, const struct rc_frame *frame);

/* A caller whose events nobody can hear is better off with the fail-safe: it is ended. */
void rc_caller_tell(struct rc_media *media, struct rc_caller *caller, enum rc_media_event_kind kind,
	struct rc_media_event event);
void rc_signal_what_was_told(struct rc_media *media);

void rc_caller_end(struct rc_media *media, struct rc_caller *caller, enum rc_media_reason reason);
void rc_callers_end(struct rc_media *media, enum rc_media_reason reason);
void rc_caller_close_socket(struct rc_caller *caller);
void rc_caller_tell_closed(struct rc_media *media, struct rc_caller *caller, uint8_t reason);

/* ---- hear.c ---- */

/* Hears each who has sent something, once and briefly. False: nobody had. */
bool rc_callers_hear(struct rc_media *media);

/* Reads once what the connection has. True: it may have more. */
bool rc_caller_hear(struct rc_media *media, struct rc_caller *caller);
void rc_caller_take_bytes(struct rc_media *media, struct rc_caller *caller, const uint8_t *end);
void rc_caller_take_frame(
	struct rc_media *media, struct rc_caller *caller, const struct rc_frame *frame);

/* Hears a tick of silence where nothing comes while a tone sounds or the line is listened to. */
void rc_caller_hear_nothing(struct rc_media *media, struct rc_caller *caller);

void rc_caller_listen(struct rc_caller *caller, const struct rc_media_command *command);

void rc_caller_record(
	struct rc_media *media, struct rc_caller *caller, const struct rc_media_command *command);
void rc_caller_stop_recording(struct rc_media *media, struct rc_caller *caller);

/* What the clock alone says of a recording: silence where nothing came, and the end of speech. */
void rc_caller_keep_recording(struct rc_media *media, struct rc_caller *caller);

/* ---- tick.c ---- */

/* What is due by now. */
void rc_tick(struct rc_media *media);
void rc_caller_tick(struct rc_media *media, struct rc_caller *caller);

/* Wakes the thread when next something is due. */
void rc_set_clock(struct rc_media *media);

/* ---- engine.c ---- */

void *rc_engine_run(void *media);
void rc_engine_obey(struct rc_media *media);

#endif
