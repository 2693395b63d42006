/* The media engine: one thread between Asterisk's AudioSocket connections and the exchange.
 *
 * Digits and commands are acted on at arrival, audio goes out at the tick. The tick is our own
 * clock: a caller who sends nothing is spoken to at the same pace. Whatever one connection does, it
 * costs the others at most one bounded read: bytes, frames, digits and unread output all have a
 * limit, and who passes it is slowed down or let go.
 *
 *   WAITING -- UUID --> OPEN -- either side ends it --> LEAVING -- closed and told --> FREE
 *
 * A caller who is let go hears the end by a half-closed connection: what comes after it is
 * Asterisk's dialplan. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "media.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "AudioSocket audio is little-endian");

enum {
	PAGE = 4096,
	BATCH = 64,               /* ready descriptors looked at before the tick is again */
	READ_MOST = 4096,         /* bytes taken from a connection at one time */
	TICK_BYTES_MOST = 65536,  /* bytes of a connection in one tick: 200 times its pace */
	KEYS_MOST = 32,           /* digits at once; afterwards one a tick */
	AUDIO_AHEAD_MOST = 16000, /* samples: 2 s that a stuck Asterisk may send at once */
	OUT_FRAME = RC_FRAME_HEADER + RC_TICK_SAMPLES * 2,
	SEND_BUFFER = 4 * 1024, /* bytes: who reads nothing is soon seen */
	CATCH_UP_MOST = 5,      /* frames sent at once after a late tick; more are skipped */
	TONE_EVENTS = 2 * (RC_FRAME_LONGEST / 2 / RC_DTMF_HOP + 1),
	TONE_RISE = 80, /* samples: 10 ms */
	COMMANDS_LEAST = 1024,
	EVENTS_PER_CALL = 64,
	EVENTS_LEAST = 1024,
	ACCEPTS_MOST = 64,
};

static const int FAULTS[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

static const uint64_t TICK_NS = 20000000;
static const uint64_t LATE_NS = 5000000;
static const uint64_t SAMPLE_NS = 125000;
static const uint64_t UUID_WITHIN_NS = 2000000000;  /* Asterisk sends it at once */
static const uint64_t STUCK_AFTER_NS = 2000000000;  /* as Asterisk itself judges a connection */
static const uint64_t LEAVE_WITHIN_NS = 1000000000; /* Asterisk closes its side in milliseconds */
static const uint64_t NO_AUDIO_AFTER_NS = 60000000; /* three frames missing */
static const uint64_t TWIN_WITHIN_NS = 500000000;   /* one key told by tone and by frame */
static const uint64_t EXPECTED_WITHIN_NS = 10000000000; /* longest press of a key */

/* What a ready descriptor is, in epoll's 64 bits; a caller's handle is never that small. */
enum { FROM_LISTENER, FROM_TICK, FROM_COMMANDS };

enum stage { FREE, WAITING, OPEN, LEAVING };

struct caller {
	enum stage stage;
	uint32_t generation;
	int socket;     /* -1 once closed */
	bool paused;    /* sent too much this tick: not read until the next */
	uint8_t untold; /* reason of an RC_MEDIA_CLOSED that found no room yet */
	uint8_t uuid[16];
	uint64_t since_ns;      /* in this stage */
	uint64_t heard_ns;      /* last audio */
	uint64_t unfinished_ns; /* when the frame now incomplete began; 0: none */
	uint64_t stuck_ns;      /* when the other side stopped reading; 0: it reads */
	uint32_t tick_bytes;
	uint32_t may_send; /* samples */
	uint32_t keys_left;
	uint32_t out_sent; /* bytes of `out` that are gone */
	uint32_t out_size; /* 0: nothing is held back */
	char tone;         /* digit sounding now, or 0 */
	char last_tone;
	char expected; /* key whose end is to come, already acted on */
	uint64_t last_tone_ns;
	uint64_t expected_ns;
	struct rc_speech speech;
	struct rc_recording recording;
	struct rc_voice voice;
	struct rc_dtmf dtmf;
	struct rc_frame_reader reader;
	uint8_t out[OUT_FRAME];
};

/* Written by the engine alone, read by anybody. */
typedef _Atomic uint64_t counter;

struct rc_media {
	struct rc_media_settings settings;
	size_t size;
	uint16_t port;
	int listener, epoll, tick, command_fd, event_fd, chunk_fd;
	int spare; /* given up for a moment to turn a caller away when descriptors run out */
	pthread_t thread;
	bool started;
	_Atomic bool stopping;
	_Atomic bool all_to_go;
	_Atomic uint64_t fed_ns;

	/* the engine's own */
	uint64_t now_ns;
	uint64_t next_tick_ns;
	bool told; /* events wait for a signal */
	uint64_t lent_before;
	uint32_t free_count;
	uint32_t *free_callers;
	struct caller *callers;

	struct rc_ring commanding;
	struct rc_media_command *commands;
	struct rc_ring eventing;
	struct rc_media_event *events;
	struct rc_chunks chunks;

	counter calls, opened, refused, frames_in, frames_out, samples_dropped;
	counter ticks, ticks_late, tick_late_worst_ns, tick_work_worst_ns, cpu_ns;
	bool memory_locked;
	bool real_time;

	/* one for all: only one caller is read or spoken to at a time */
	int16_t heard[RC_FRAME_LONGEST / 2];
	int16_t spoken[RC_TICK_SAMPLES];
	struct rc_dtmf_event tones[TONE_EVENTS];
	uint8_t bytes[READ_MOST];
};

/* ---- small things ---- */

static void add(counter *of, uint64_t more)
{
	atomic_store_explicit(
		of, atomic_load_explicit(of, memory_order_relaxed) + more, memory_order_relaxed);
}

static void raise_to(counter *of, uint64_t value)
{
	if (value > atomic_load_explicit(of, memory_order_relaxed))
		atomic_store_explicit(of, value, memory_order_relaxed);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void signal_fd(int fd)
{
	/* A full counter is signalled already. */
	(void)!write(fd, &(uint64_t){1}, sizeof(uint64_t));
}

static uint64_t drain_fd(int fd)
{
	uint64_t times = 0;

	if (read(fd, &times, sizeof times) != sizeof times)
		return 0;
	return times;
}

static uint64_t handle_of(const struct rc_media *media, const struct caller *caller)
{
	return (uint64_t)caller->generation << 16 | (uint64_t)(caller - media->callers);
}

/* NULL when the place has been left since. */
static struct caller *caller_of(struct rc_media *media, uint64_t handle)
{
	uint64_t place = handle & 0xffff;

	if (place >= media->settings.calls)
		return NULL;
	if (media->callers[place].generation != handle >> 16)
		return NULL;
	return &media->callers[place];
}

static bool watch(struct rc_media *media, int how, int fd, uint32_t for_what, uint64_t as)
{
	struct epoll_event event = {.events = for_what, .data.u64 = as};

	return epoll_ctl(media->epoll, how, fd, &event) == 0;
}

/* ---- telling Python ---- */

static bool tell(struct rc_media *media, const struct rc_media_event *event)
{
	uint64_t place;

	if (!rc_ring_place(&media->eventing, &place))
		return false;
	media->events[place] = *event;
	rc_ring_wrote(&media->eventing);
	media->told = true;
	return true;
}

static void end_call(struct rc_media *media, struct caller *caller, enum rc_media_reason reason);

/* A caller whose events nobody can hear is better off with the fail-safe. */
static void tell_of(struct rc_media *media, struct caller *caller, enum rc_media_event_kind kind,
	struct rc_media_event event)
{
	event.call = handle_of(media, caller);
	event.kind = kind;
	if (event.at_ns == 0)
		event.at_ns = media->now_ns;
	if (!tell(media, &event))
		end_call(media, caller, RC_CLOSED_UNHEARD);
}

static void signal_what_was_told(struct rc_media *media)
{
	uint64_t lent = atomic_load_explicit(&media->chunks.lending.written, memory_order_relaxed);

	if (media->told)
		signal_fd(media->event_fd);
	if (lent != media->lent_before)
		signal_fd(media->chunk_fd);
	media->told = false;
	media->lent_before = lent;
}

/* ---- recording ---- */

static struct rc_media_event length_of(const struct rc_recording *recording)
{
	return (struct rc_media_event){
		.samples = (uint32_t)recording->samples, .spoke = recording->spoke};
}

static void end_recording(struct rc_media *media, struct caller *caller)
{
	if (!caller->recording.on)
		return;
	rc_recording_end(&caller->recording, &media->chunks);
	tell_of(media, caller, RC_MEDIA_RECORDING_ENDED, length_of(&caller->recording));
}

static void tell_recording(
	struct rc_media *media, struct caller *caller, enum rc_recording_state state)
{
	switch (state) {
	case RC_RECORDING_GOES_ON:
		break;
	case RC_RECORDING_IS_FULL:
		tell_of(media, caller, RC_MEDIA_RECORDING_FULL, length_of(&caller->recording));
		break;
	case RC_RECORDING_IS_STALLED:
		tell_of(media, caller, RC_MEDIA_STALLED, length_of(&caller->recording));
		break;
	}
}

static void begin_recording(
	struct rc_media *media, struct caller *caller, const struct rc_media_command *command)
{
	struct rc_recording *recording = &caller->recording;

	end_recording(media, caller);
	if (caller->stage != OPEN)
		return;
	recording->call = handle_of(media, caller);
	memcpy(recording->uuid, caller->uuid, sizeof recording->uuid);
	rc_voice_init(&caller->voice);
	if (rc_recording_begin(recording, &media->chunks, media->now_ns, command->longest,
		    command->quiet) != RC_OK)
		tell_of(media, caller, RC_MEDIA_STALLED, (struct rc_media_event){0});
}

static void judge_quiet(struct rc_media *media, struct caller *caller)
{
	struct rc_recording *recording = &caller->recording;

	if (!recording->on || !recording->spoke || recording->told_quiet || !recording->quiet)
		return;
	if (recording->samples - recording->spoke_at < recording->quiet)
		return;
	recording->told_quiet = true;
	tell_of(media, caller, RC_MEDIA_SPEECH_ENDED, (struct rc_media_event){0});
}

static void record(struct rc_media *media, struct caller *caller, uint32_t samples)
{
	struct rc_recording *recording = &caller->recording;
	bool speaks;

	if (!recording->on)
		return;
	speaks = rc_voice_feed(&caller->voice, media->heard, samples);
	tell_recording(media, caller,
		rc_recording_hear(recording, &media->chunks, media->now_ns, media->heard, samples));
	if (!speaks)
		return;
	if (!recording->spoke)
		recording->spoke_from = recording->samples;
	recording->spoke = true;
	recording->told_quiet = false;
	recording->spoke_at = recording->samples;
}

/* ---- digits ---- */

static void stop_for_key(struct caller *caller)
{
	if (caller->speech.speaking && caller->speech.stops_on_key)
		rc_speech_stop(&caller->speech);
}

static void tone_began(struct rc_media *media, struct caller *caller, char digit, uint64_t at_ns)
{
	caller->tone = digit;
	caller->last_tone = digit;
	caller->last_tone_ns = media->now_ns;
	stop_for_key(caller);
	tell_of(media, caller, RC_MEDIA_TONE_BEGAN,
		(struct rc_media_event){.digit = digit, .at_ns = at_ns});
}

static void tone_ended(struct rc_media *media, struct caller *caller, char digit, uint64_t at_ns)
{
	caller->tone = 0;
	caller->last_tone_ns = media->now_ns;
	tell_of(media, caller, RC_MEDIA_TONE_ENDED,
		(struct rc_media_event){.digit = digit, .at_ns = at_ns});
}

/* Silences what is not message: the samples from a tone's begin, in this frame and in what is
 * recorded already. */
static void mute(struct rc_media *media, struct caller *caller, uint64_t from, uint64_t heard,
	uint32_t samples)
{
	if (from >= heard) {
		if (from - heard < samples)
			memset(media->heard + (from - heard), 0,
				(samples - (from - heard)) * sizeof *media->heard);
		return;
	}
	memset(media->heard, 0, samples * sizeof *media->heard);
	if (caller->recording.on)
		rc_recording_forget(&caller->recording, &media->chunks, heard - from);
}

/* A tone begins where it is half as loud as it will be. */
static uint64_t before_its_rise(uint64_t at_sample)
{
	return at_sample > TONE_RISE ? at_sample - TONE_RISE : 0;
}

static void listen_for_tones(struct rc_media *media, struct caller *caller, uint32_t samples)
{
	uint64_t heard = caller->dtmf.heard;
	size_t count =
		rc_dtmf_feed(&caller->dtmf, media->heard, samples, media->tones, TONE_EVENTS);

	if (caller->tone)
		mute(media, caller, heard, heard, samples);
	for (size_t n = 0; n < count && caller->stage == OPEN; n++) {
		const struct rc_dtmf_event *tone = &media->tones[n];
		uint64_t at_ns = media->now_ns - (heard + samples - tone->at_sample) * SAMPLE_NS;

		if (tone->kind == RC_DTMF_BEGAN) {
			mute(media, caller, before_its_rise(tone->at_sample), heard, samples);
			tone_began(media, caller, tone->digit, at_ns);
		} else {
			tone_ended(media, caller, tone->digit, at_ns);
		}
	}
}

/* Was this key acted on already, at its begin? */
static bool is_twin(struct rc_media *media, struct caller *caller, char digit)
{
	if (caller->tone == digit)
		return true;
	if (caller->last_tone == digit && media->now_ns - caller->last_tone_ns < TWIN_WITHIN_NS)
		return true;
	if (caller->expected != digit)
		return false;
	caller->expected = 0;
	return media->now_ns - caller->expected_ns < EXPECTED_WITHIN_NS;
}

static void take_key(struct rc_media *media, struct caller *caller, const struct rc_frame *frame)
{
	char digit = (char)frame->payload[0];

	if (digit == 0 || !strchr("0123456789*#ABCD", digit))
		return; /* no key of a telephone */
	if (caller->keys_left == 0) {
		end_call(media, caller, RC_CLOSED_BAD_FRAME);
		return;
	}
	caller->keys_left--;
	if (!is_twin(media, caller, digit))
		stop_for_key(caller);
	tell_of(media, caller, RC_MEDIA_KEY_FRAME, (struct rc_media_event){.digit = digit});
}

/* ---- coming and going ---- */

static void free_place(struct rc_media *media, struct caller *caller)
{
	uint32_t generation = caller->generation;

	memset(caller, 0, sizeof *caller);
	caller->generation = generation + 1;
	caller->socket = -1;
	media->free_callers[media->free_count++] = (uint32_t)(caller - media->callers);
	atomic_store_explicit(
		&media->calls, media->settings.calls - media->free_count, memory_order_relaxed);
}

static void free_if_done(struct rc_media *media, struct caller *caller)
{
	if (caller->socket < 0 && !caller->untold)
		free_place(media, caller);
}

static void close_socket(struct caller *caller)
{
	if (caller->socket >= 0)
		close(caller->socket);
	caller->socket = -1;
}

static void tell_closed(struct rc_media *media, struct caller *caller, uint8_t reason)
{
	const struct rc_media_event event = {.call = handle_of(media, caller),
		.at_ns = media->now_ns,
		.kind = RC_MEDIA_CLOSED,
		.reason = reason};

	caller->untold = tell(media, &event) ? 0 : reason;
}

/* Half-closes, and waits for the other side: closing at once with its last frame unread would
 * reset the connection, which Asterisk logs as an error. */
static void end_call(struct rc_media *media, struct caller *caller, enum rc_media_reason reason)
{
	bool was_open = caller->stage == OPEN;

	if (caller->stage == FREE || caller->stage == LEAVING)
		return;
	caller->stage = LEAVING;
	caller->since_ns = media->now_ns;
	rc_speech_stop(&caller->speech);
	if (was_open) {
		end_recording(media, caller);
		tell_closed(media, caller, (uint8_t)reason);
	} else {
		add(&media->refused, 1);
	}
	if (reason == RC_CLOSED_LOST || shutdown(caller->socket, SHUT_WR) < 0)
		close_socket(caller);
}

static void end_all(struct rc_media *media, enum rc_media_reason reason)
{
	for (uint32_t place = 0; place < media->settings.calls; place++)
		end_call(media, &media->callers[place], reason);
}

static bool is_unfed(const struct rc_media *media)
{
	uint64_t fed_ns = atomic_load_explicit(&media->fed_ns, memory_order_relaxed);

	/* It may have been fed since this batch began. */
	return media->now_ns > fed_ns &&
	       media->now_ns - fed_ns > (uint64_t)media->settings.unfed_after_ms * 1000000u;
}

/* New callers only while those who are here can still be told of. */
static bool has_room(struct rc_media *media)
{
	return media->free_count > 0 && !is_unfed(media) &&
	       rc_ring_waiting(&media->eventing) < media->eventing.places / 2;
}

static void turn_away(struct rc_media *media, int socket)
{
	add(&media->refused, 1);
	close(socket);
}

static void seat(struct rc_media *media, int socket)
{
	struct caller *caller = &media->callers[media->free_callers[media->free_count - 1]];

	setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BUFFER}, sizeof(int));
	if (!watch(media, EPOLL_CTL_ADD, socket, EPOLLIN, handle_of(media, caller))) {
		turn_away(media, socket);
		return;
	}
	media->free_count--;
	atomic_store_explicit(
		&media->calls, media->settings.calls - media->free_count, memory_order_relaxed);
	caller->stage = WAITING;
	caller->socket = socket;
	caller->since_ns = media->now_ns;
	caller->keys_left = KEYS_MOST;
	caller->may_send = AUDIO_AHEAD_MOST;
}

/* Without it a listener that nobody can accept from would wake us for ever. */
static void turn_away_without_descriptor(struct rc_media *media)
{
	int socket;

	if (media->spare < 0)
		return;
	close(media->spare);
	socket = accept4(media->listener, NULL, NULL, SOCK_CLOEXEC);
	if (socket >= 0)
		turn_away(media, socket);
	media->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void welcome(struct rc_media *media)
{
	for (int n = 0; n < ACCEPTS_MOST; n++) {
		int socket = accept4(media->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (socket < 0) {
			if (errno == EMFILE || errno == ENFILE)
				turn_away_without_descriptor(media);
			return;
		}
		if (has_room(media))
			seat(media, socket);
		else
			turn_away(media, socket);
	}
}

static bool has_hung_up(const struct caller *caller)
{
	struct pollfd end = {.fd = caller->socket, .events = POLLRDHUP};

	return poll(&end, 1, 0) == 1;
}

/* Is this call here already? One that was ended and comes back is, until its end has been read. */
static bool is_here(struct rc_media *media, const uint8_t *uuid)
{
	for (uint32_t place = 0; place < media->settings.calls; place++) {
		struct caller *caller = &media->callers[place];

		if (caller->stage != OPEN || memcmp(caller->uuid, uuid, sizeof caller->uuid) != 0)
			continue;
		if (!has_hung_up(caller))
			return true;
		end_call(media, caller, RC_CLOSED_HUNG_UP);
	}
	return false;
}

static void open_call(struct rc_media *media, struct caller *caller, const struct rc_frame *frame)
{
	struct rc_media_event event = {0};

	if (frame->kind != RC_FRAME_UUID || frame->length != sizeof caller->uuid ||
		is_here(media, frame->payload)) {
		end_call(media, caller, RC_CLOSED_BAD_FRAME);
		return;
	}
	memcpy(caller->uuid, frame->payload, sizeof caller->uuid);
	memcpy(event.uuid, frame->payload, sizeof event.uuid);
	caller->stage = OPEN;
	caller->since_ns = media->now_ns;
	caller->heard_ns = media->now_ns;
	rc_dtmf_init(&caller->dtmf);
	add(&media->opened, 1);
	tell_of(media, caller, RC_MEDIA_OPENED, event);
}

/* ---- what a caller sends ---- */

static void take_audio(struct rc_media *media, struct caller *caller, const struct rc_frame *frame)
{
	uint32_t samples = frame->length / 2u;

	if (frame->length % 2 != 0) {
		end_call(media, caller, RC_CLOSED_BAD_FRAME);
		return;
	}
	add(&media->frames_in, 1);
	caller->heard_ns = media->now_ns;
	if (samples > caller->may_send) {
		add(&media->samples_dropped, samples);
		return;
	}
	caller->may_send -= samples;
	memcpy(media->heard, frame->payload, frame->length);
	listen_for_tones(media, caller, samples);
	record(media, caller, samples);
	explicit_bzero(media->heard, frame->length);
}

static void take_frame(struct rc_media *media, struct caller *caller, const struct rc_frame *frame)
{
	if (caller->stage == WAITING) {
		open_call(media, caller, frame);
		return;
	}
	switch (frame->kind) {
	case RC_FRAME_AUDIO:
		take_audio(media, caller, frame);
		return;
	case RC_FRAME_DIGIT:
		if (frame->length == 1) {
			take_key(media, caller, frame);
			return;
		}
		break;
	case RC_FRAME_HANGUP:
		end_call(media, caller, RC_CLOSED_HUNG_UP);
		return;
	case RC_FRAME_ERROR:
		end_call(media, caller, RC_CLOSED_PEER_FAILED);
		return;
	default:
		break;
	}
	end_call(media, caller, RC_CLOSED_BAD_FRAME);
}

static void take_bytes(struct rc_media *media, struct caller *caller, const uint8_t *end)
{
	const uint8_t *at = media->bytes;
	enum rc_status status = RC_OK;
	struct rc_frame frame;

	while (status == RC_OK && (caller->stage == WAITING || caller->stage == OPEN)) {
		status = rc_frame_next(&caller->reader, &at, end, &frame);
		if (status == RC_OK)
			take_frame(media, caller, &frame);
	}
	if (status == RC_BAD)
		end_call(media, caller, RC_CLOSED_BAD_FRAME);
	if (caller->reader.have == 0)
		caller->unfinished_ns = 0;
	else if (caller->unfinished_ns == 0)
		caller->unfinished_ns = media->now_ns;
}

static void other_side_ended(struct rc_media *media, struct caller *caller, bool broken)
{
	end_call(media, caller, broken ? RC_CLOSED_LOST : RC_CLOSED_HUNG_UP);
	close_socket(caller);
	free_if_done(media, caller);
}

static void hear_from(struct rc_media *media, struct caller *caller)
{
	ssize_t count = recv(caller->socket, media->bytes, sizeof media->bytes, 0);

	if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (count <= 0) {
		other_side_ended(media, caller, count < 0);
		return;
	}
	take_bytes(media, caller, media->bytes + count);
	explicit_bzero(media->bytes, (size_t)count);
	caller->tick_bytes += (uint32_t)count;
	if (caller->tick_bytes > TICK_BYTES_MOST && caller->socket >= 0)
		caller->paused =
			watch(media, EPOLL_CTL_MOD, caller->socket, 0, handle_of(media, caller));
	free_if_done(media, caller);
}

/* ---- what a caller is sent ---- */

/* False while the other side does not read. */
static bool send_held(struct rc_media *media, struct caller *caller)
{
	ssize_t count;

	if (caller->out_size == 0)
		return true;
	count = send(caller->socket, caller->out + caller->out_sent,
		caller->out_size - caller->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (count > 0) {
		caller->out_sent += (uint32_t)count;
		caller->stuck_ns = 0;
	} else if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		end_call(media, caller, RC_CLOSED_LOST);
		return false;
	}
	if (caller->out_sent < caller->out_size) {
		if (caller->stuck_ns == 0)
			caller->stuck_ns = media->now_ns;
		return false;
	}
	caller->out_size = 0;
	add(&media->frames_out, 1);
	return true;
}

/* Speech waits for a caller who does not read, rather than being lost. */
static void speak_to(struct rc_media *media, struct caller *caller)
{
	bool ended;

	if (!send_held(media, caller))
		return;
	ended = rc_speech_next(&caller->speech, media->spoken);
	caller->out[0] = RC_FRAME_AUDIO;
	caller->out[1] = (RC_TICK_SAMPLES * 2) >> 8;
	caller->out[2] = (RC_TICK_SAMPLES * 2) & 0xff;
	memcpy(caller->out + RC_FRAME_HEADER, media->spoken, sizeof media->spoken);
	caller->out_sent = 0;
	caller->out_size = OUT_FRAME;
	send_held(media, caller);
	if (ended && caller->stage == OPEN)
		tell_of(media, caller, RC_MEDIA_PLAYED,
			(struct rc_media_event){.tag = caller->speech.tag});
}

/* ---- the tick ---- */

/* A tone whose end never arrives because nothing does would sound for ever. */
static void listen_to_nothing(struct rc_media *media, struct caller *caller)
{
	if (!caller->tone || media->now_ns - caller->heard_ns < NO_AUDIO_AFTER_NS)
		return;
	memset(media->heard, 0, RC_TICK_SAMPLES * sizeof *media->heard);
	listen_for_tones(media, caller, RC_TICK_SAMPLES);
}

static bool is_over(uint64_t since_ns, uint64_t limit_ns, uint64_t now_ns)
{
	return since_ns != 0 && now_ns - since_ns > limit_ns;
}

static void refill(struct rc_media *media, struct caller *caller, uint64_t ticks)
{
	uint64_t may_send = caller->may_send + ticks * RC_TICK_SAMPLES;
	uint64_t keys = caller->keys_left + ticks;

	caller->may_send = may_send < AUDIO_AHEAD_MOST ? (uint32_t)may_send : AUDIO_AHEAD_MOST;
	caller->keys_left = keys < KEYS_MOST ? (uint32_t)keys : KEYS_MOST;
	caller->tick_bytes = 0;
	if (caller->paused)
		caller->paused = !watch(
			media, EPOLL_CTL_MOD, caller->socket, EPOLLIN, handle_of(media, caller));
}

static void tick_open(struct rc_media *media, struct caller *caller, uint64_t ticks)
{
	for (uint64_t n = 0; n < ticks && n < CATCH_UP_MOST && caller->stage == OPEN; n++)
		speak_to(media, caller);
	if (caller->stage != OPEN)
		return;
	listen_to_nothing(media, caller);
	if (caller->recording.on)
		tell_recording(media, caller,
			rc_recording_keep_time(&caller->recording, &media->chunks, media->now_ns));
	judge_quiet(media, caller);
	refill(media, caller, ticks);
	if (is_over(caller->stuck_ns, STUCK_AFTER_NS, media->now_ns) ||
		is_over(caller->unfinished_ns, STUCK_AFTER_NS, media->now_ns))
		end_call(media, caller, RC_CLOSED_PEER_STUCK);
}

static void tick_caller(struct rc_media *media, struct caller *caller, uint64_t ticks)
{
	switch (caller->stage) {
	case FREE:
		return;
	case WAITING:
		refill(media, caller, ticks);
		if (is_over(caller->since_ns, UUID_WITHIN_NS, media->now_ns))
			end_call(media, caller, RC_CLOSED_PEER_STUCK);
		return;
	case OPEN:
		tick_open(media, caller, ticks);
		return;
	case LEAVING:
		if (caller->untold)
			tell_closed(media, caller, caller->untold);
		if (is_over(caller->since_ns, LEAVE_WITHIN_NS, media->now_ns))
			close_socket(caller);
		else if (caller->socket >= 0)
			refill(media, caller, ticks);
		free_if_done(media, caller);
		return;
	}
}

static void note_tick(struct rc_media *media, uint64_t ticks)
{
	uint64_t late_ns = media->now_ns - media->next_tick_ns;
	uint64_t work_ns = clock_ns(CLOCK_MONOTONIC) - media->now_ns;

	add(&media->ticks, ticks);
	if (late_ns > LATE_NS)
		add(&media->ticks_late, 1);
	raise_to(&media->tick_late_worst_ns, late_ns);
	raise_to(&media->tick_work_worst_ns, work_ns);
	atomic_store_explicit(
		&media->cpu_ns, clock_ns(CLOCK_THREAD_CPUTIME_ID), memory_order_relaxed);
	media->next_tick_ns += ticks * TICK_NS;
}

static void tick(struct rc_media *media)
{
	uint64_t ticks = drain_fd(media->tick);

	if (ticks == 0)
		return;
	if (is_unfed(media))
		end_all(media, RC_CLOSED_UNFED);
	for (uint32_t place = 0; place < media->settings.calls; place++)
		tick_caller(media, &media->callers[place], ticks);
	note_tick(media, ticks);
}

/* ---- commands ---- */

static void obey(
	struct rc_media *media, struct caller *caller, const struct rc_media_command *command)
{
	switch ((enum rc_media_order)command->order) {
	case RC_ORDER_PLAY:
		rc_speech_play(&caller->speech, command->clips, command->count, command->tag);
		caller->speech.stops_on_key = command->stops_on_key;
		return;
	case RC_ORDER_STOP_PLAYING:
		rc_speech_stop(&caller->speech);
		return;
	case RC_ORDER_MUSIC:
		rc_speech_music(
			&caller->speech, command->count ? command->clips[0] : (struct rc_clip){0});
		return;
	case RC_ORDER_EXPECT_KEY:
		caller->expected = command->digit;
		caller->expected_ns = media->now_ns;
		return;
	case RC_ORDER_RECORD:
		begin_recording(media, caller, command);
		return;
	case RC_ORDER_STOP_RECORDING:
		end_recording(media, caller);
		return;
	case RC_ORDER_CLOSE:
		end_call(media, caller, RC_CLOSED_LET_GO);
		return;
	}
}

static void obey_all(struct rc_media *media)
{
	uint64_t place;

	drain_fd(media->command_fd);
	while (rc_ring_oldest(&media->commanding, &place)) {
		const struct rc_media_command *command = &media->commands[place];
		struct caller *caller = caller_of(media, command->call);

		if (caller && caller->stage == OPEN)
			obey(media, caller, command);
		rc_ring_took(&media->commanding);
	}
	if (atomic_exchange_explicit(&media->all_to_go, false, memory_order_relaxed))
		end_all(media, RC_CLOSED_ALL_LET_GO);
}

/* ---- the thread ---- */

static void attend(struct rc_media *media, uint64_t from)
{
	struct caller *caller;

	switch (from) {
	case FROM_LISTENER:
		welcome(media);
		return;
	case FROM_TICK:
		tick(media);
		return;
	case FROM_COMMANDS:
		obey_all(media);
		return;
	default:
		caller = caller_of(media, from);
		if (caller && caller->socket >= 0)
			hear_from(media, caller);
	}
}

static void *run(void *argument)
{
	struct rc_media *media = argument;
	struct epoll_event ready[BATCH];

	while (!atomic_load_explicit(&media->stopping, memory_order_acquire)) {
		int count = epoll_wait(media->epoll, ready, BATCH, -1);

		media->now_ns = clock_ns(CLOCK_MONOTONIC);
		for (int n = 0; n < count; n++)
			attend(media, ready[n].data.u64);
		signal_what_was_told(media);
	}
	end_all(media, RC_CLOSED_STOPPED);
	signal_what_was_told(media);
	return NULL;
}

/* ---- memory ---- */

/* Hands out parts of the caller's memory, or, with no memory, only counts. */
struct arena {
	uint8_t *memory;
	size_t used;
};

static void *part_of(struct arena *arena, size_t count, size_t each, size_t alignment)
{
	size_t at = (arena->used + alignment - 1) / alignment * alignment;

	arena->used = at + count * each;
	return arena->memory ? arena->memory + at : NULL;
}

static uint64_t places_for(uint64_t items)
{
	uint64_t places = 1;

	while (places < items)
		places *= 2;
	return places;
}

static uint64_t at_least(uint64_t least, uint64_t value)
{
	return value > least ? value : least;
}

static void lay_out(
	struct arena *arena, struct rc_media *media, const struct rc_media_settings *settings)
{
	uint64_t commands = places_for(at_least(COMMANDS_LEAST, (uint64_t)4 * settings->calls));
	uint64_t events =
		places_for(at_least(EVENTS_LEAST, (uint64_t)EVENTS_PER_CALL * settings->calls));
	uint64_t chunks = places_for(settings->chunks);

	rc_ring_init(&media->commanding, commands);
	rc_ring_init(&media->eventing, events);
	media->chunks.count = settings->chunks;
	media->chunks.lending.places = chunks;
	media->callers = part_of(arena, settings->calls, sizeof *media->callers, RC_CACHE_LINE);
	media->free_callers =
		part_of(arena, settings->calls, sizeof *media->free_callers, RC_CACHE_LINE);
	media->commands = part_of(arena, commands, sizeof *media->commands, RC_CACHE_LINE);
	media->events = part_of(arena, events, sizeof *media->events, RC_CACHE_LINE);
	media->chunks.free = part_of(arena, chunks, sizeof *media->chunks.free, RC_CACHE_LINE);
	media->chunks.lent = part_of(arena, chunks, sizeof *media->chunks.lent, RC_CACHE_LINE);
	media->chunks.is_lent =
		part_of(arena, chunks, sizeof *media->chunks.is_lent, RC_CACHE_LINE);
	media->chunks.audio =
		part_of(arena, (size_t)settings->chunks * RC_CHUNK_STRIDE, sizeof(int16_t), PAGE);
}

static bool is_sound(const struct rc_media_settings *settings)
{
	return settings->calls >= 1 && settings->calls <= RC_MEDIA_CALLS_MOST &&
	       settings->chunks >= 1 && settings->chunks <= 65536 && settings->unfed_after_ms >= 1;
}

size_t rc_media_size(const struct rc_media_settings *settings)
{
	struct arena arena = {0};
	struct rc_media sketch;

	if (!is_sound(settings))
		return 0;
	part_of(&arena, 1, sizeof(struct rc_media), PAGE);
	lay_out(&arena, &sketch, settings);
	return (arena.used + PAGE - 1) / PAGE * PAGE;
}

/* ---- life ---- */

static int listen_on(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
		listen(fd, RC_MEDIA_CALLS_MOST) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool learn_port(struct rc_media *media)
{
	struct sockaddr_in address = {0};
	socklen_t size = sizeof address;

	if (getsockname(media->listener, (struct sockaddr *)&address, &size) < 0)
		return false;
	media->port = ntohs(address.sin_port);
	return true;
}

static bool open_descriptors(struct rc_media *media)
{
	media->listener = listen_on(media->settings.port);
	if (media->listener < 0)
		return false;
	media->epoll = epoll_create1(EPOLL_CLOEXEC);
	media->tick = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	media->command_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	media->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	media->chunk_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	media->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (media->epoll < 0 || media->tick < 0 || media->command_fd < 0 || media->event_fd < 0 ||
		media->chunk_fd < 0 || media->spare < 0)
		return false;
	return learn_port(media) &&
	       watch(media, EPOLL_CTL_ADD, media->listener, EPOLLIN, FROM_LISTENER) &&
	       watch(media, EPOLL_CTL_ADD, media->tick, EPOLLIN, FROM_TICK) &&
	       watch(media, EPOLL_CTL_ADD, media->command_fd, EPOLLIN, FROM_COMMANDS);
}

static void close_descriptors(struct rc_media *media)
{
	int *all[] = {&media->listener, &media->epoll, &media->tick, &media->command_fd,
		&media->event_fd, &media->chunk_fd, &media->spare};

	for (size_t n = 0; n < sizeof all / sizeof *all; n++) {
		if (*all[n] >= 0)
			close(*all[n]);
		*all[n] = -1;
	}
}

/* Callers' words stay out of core dumps, and of a swap where we may ask for it. */
static void keep_private(struct rc_media *media)
{
	madvise(media, media->size, MADV_DONTDUMP);
	media->memory_locked = mlock(media, media->size) == 0;
}

enum rc_status rc_media_open(
	void *memory, size_t size, const struct rc_media_settings *settings, struct rc_media **out)
{
	size_t needed = rc_media_size(settings);
	struct arena arena = {.memory = memory};
	struct rc_media *media;
	int error;

	if (needed == 0 || size < needed || (uintptr_t)memory % PAGE != 0)
		return RC_BAD;
	media = part_of(&arena, 1, sizeof *media, PAGE);
	media->settings = *settings;
	media->size = needed;
	media->listener = media->epoll = media->tick = media->spare = -1;
	media->command_fd = media->event_fd = media->chunk_fd = -1;
	lay_out(&arena, media, settings);
	keep_private(media);
	if (!open_descriptors(media)) {
		error = errno;
		close_descriptors(media);
		errno = error;
		return RC_SYSTEM;
	}
	rc_chunks_init(&media->chunks);
	for (uint32_t place = settings->calls; place-- > 0;)
		free_place(media, &media->callers[place]);
	*out = media;
	return RC_OK;
}

static bool set_clock(struct rc_media *media)
{
	uint64_t first_ns = clock_ns(CLOCK_MONOTONIC) + TICK_NS;
	struct itimerspec when = {.it_interval.tv_nsec = (long)TICK_NS,
		.it_value = {.tv_sec = (time_t)(first_ns / 1000000000u),
			.tv_nsec = (long)(first_ns % 1000000000u)}};

	media->next_tick_ns = first_ns;
	return timerfd_settime(media->tick, TFD_TIMER_ABSTIME, &when, NULL) == 0;
}

enum rc_status rc_media_start(struct rc_media *media)
{
	sigset_t every, before;
	int error;

	if (media->started)
		return RC_BAD;
	if (!set_clock(media))
		return RC_SYSTEM;
	rc_media_feed(media);
	sigfillset(&every); /* signals are the loop thread's, but for our own faults */
	for (size_t n = 0; n < sizeof FAULTS / sizeof *FAULTS; n++)
		sigdelset(&every, FAULTS[n]);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	error = pthread_create(&media->thread, NULL, run, media);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		errno = error;
		return RC_SYSTEM;
	}
	pthread_setname_np(media->thread, "media");
	media->real_time = pthread_setschedparam(media->thread, SCHED_RR | SCHED_RESET_ON_FORK,
				   &(struct sched_param){.sched_priority = 1}) == 0;
	media->started = true;
	return RC_OK;
}

void rc_media_stop(struct rc_media *media)
{
	if (!media->started)
		return;
	atomic_store_explicit(&media->stopping, true, memory_order_release);
	signal_fd(media->command_fd);
	pthread_join(media->thread, NULL);
	media->started = false;
	for (uint32_t place = 0; place < media->settings.calls; place++)
		close_socket(&media->callers[place]);
	close(media->listener);
	media->listener = -1;
}

void rc_media_shut(struct rc_media *media)
{
	size_t size = media->size;

	close_descriptors(media);
	explicit_bzero(media, size);
	munlock(media, size);
}

/* ---- the doors ---- */

uint16_t rc_media_port(const struct rc_media *media)
{
	return media->port;
}

int rc_media_event_fd(const struct rc_media *media)
{
	return media->event_fd;
}

int rc_media_chunk_fd(const struct rc_media *media)
{
	return media->chunk_fd;
}

static bool clips_are_sound(const struct rc_media_command *command)
{
	if (command->count > RC_MEDIA_CLIPS)
		return false;
	for (uint32_t n = 0; n < command->count; n++)
		if (command->clips[n].length == 0 || !command->clips[n].samples)
			return false;
	return true;
}

static bool command_is_sound(const struct rc_media_command *command)
{
	if (command->order < RC_ORDER_PLAY || command->order > RC_ORDER_CLOSE)
		return false;
	if (command->order == RC_ORDER_RECORD && command->longest == 0)
		return false;
	return clips_are_sound(command);
}

enum rc_status rc_media_command(struct rc_media *media, const struct rc_media_command *command)
{
	uint64_t place;

	if (!command_is_sound(command))
		return RC_BAD;
	if (!rc_ring_place(&media->commanding, &place))
		return RC_FULL;
	media->commands[place] = *command;
	rc_ring_wrote(&media->commanding);
	signal_fd(media->command_fd);
	return RC_OK;
}

uint64_t rc_media_commands_taken(const struct rc_media *media)
{
	return atomic_load_explicit(&media->commanding.taken, memory_order_acquire);
}

/* The signal is taken back before the look, so that no event can fall between the two. */
enum rc_status rc_media_next_event(struct rc_media *media, struct rc_media_event *event)
{
	uint64_t place;

	if (!rc_ring_oldest(&media->eventing, &place)) {
		drain_fd(media->event_fd);
		if (!rc_ring_oldest(&media->eventing, &place))
			return RC_NONE;
	}
	*event = media->events[place];
	rc_ring_took(&media->eventing);
	return RC_OK;
}

void rc_media_feed(struct rc_media *media)
{
	atomic_store_explicit(&media->fed_ns, clock_ns(CLOCK_MONOTONIC), memory_order_relaxed);
}

void rc_media_let_go_all(struct rc_media *media)
{
	atomic_store_explicit(&media->all_to_go, true, memory_order_relaxed);
	signal_fd(media->command_fd);
}

enum rc_status rc_media_next_chunk(struct rc_media *media, struct rc_media_chunk *chunk)
{
	struct rc_ring *lending = &media->chunks.lending;
	uint64_t place;

	if (!rc_ring_oldest(lending, &place)) {
		drain_fd(media->chunk_fd);
		if (!rc_ring_oldest(lending, &place))
			return RC_NONE;
	}
	*chunk = media->chunks.lent[place];
	rc_ring_took(lending);
	return RC_OK;
}

int16_t *rc_media_chunk_audio(struct rc_media *media, uint32_t chunk)
{
	if (chunk >= media->chunks.count)
		return NULL;
	return rc_chunk_audio(&media->chunks, chunk);
}

enum rc_status rc_media_give_back(struct rc_media *media, uint32_t chunk)
{
	uint64_t place;

	if (chunk >= media->chunks.count || !media->chunks.is_lent[chunk])
		return RC_BAD;
	if (!rc_ring_place(&media->chunks.returned, &place))
		return RC_BAD;
	media->chunks.is_lent[chunk] = false;
	explicit_bzero(rc_media_chunk_audio(media, chunk), RC_CHUNK_STRIDE * sizeof(int16_t));
	media->chunks.free[place] = chunk;
	rc_ring_wrote(&media->chunks.returned);
	return RC_OK;
}

static uint64_t value_of(const counter *of)
{
	return atomic_load_explicit(of, memory_order_relaxed);
}

void rc_media_stats(const struct rc_media *media, struct rc_media_stats *stats)
{
	*stats = (struct rc_media_stats){
		.calls = value_of(&media->calls),
		.chunks_free = rc_ring_waiting(&media->chunks.returned),
		.opened = value_of(&media->opened),
		.refused = value_of(&media->refused),
		.frames_in = value_of(&media->frames_in),
		.frames_out = value_of(&media->frames_out),
		.samples_dropped = value_of(&media->samples_dropped),
		.ticks = value_of(&media->ticks),
		.ticks_late = value_of(&media->ticks_late),
		.tick_late_worst_ns = value_of(&media->tick_late_worst_ns),
		.tick_work_worst_ns = value_of(&media->tick_work_worst_ns),
		.cpu_ns = value_of(&media->cpu_ns),
		.memory_locked = media->memory_locked,
		.real_time = media->real_time,
	};
}
