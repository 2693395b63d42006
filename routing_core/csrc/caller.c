/* A caller comes, is told of, and goes.
 *
 * Whoever is let go hears the end by a half-closed connection: what comes after it is Asterisk's
 * dialplan. A place is free again once its socket is closed and Python has been told. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine.h"

enum {
	ACCEPTS_MOST = 64,
	SEND_BUFFER = 4 * 1024, /* bytes: who reads nothing is soon seen */
};

uint64_t rc_handle_of(const struct rc_media *media, const struct rc_caller *caller)
{
	return (uint64_t)caller->generation << 16 | (uint64_t)(caller - media->callers);
}

struct rc_caller *rc_caller_of(struct rc_media *media, uint64_t handle)
{
	uint64_t place = handle & 0xffff;

	if (place >= media->settings.calls)
		return NULL;
	if (media->callers[place].generation != handle >> 16)
		return NULL;
	return &media->callers[place];
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

void rc_caller_tell(struct rc_media *media, struct rc_caller *caller, enum rc_media_event_kind kind,
	struct rc_media_event event)
{
	event.call = rc_handle_of(media, caller);
	event.kind = kind;
	if (event.at_ns == 0)
		event.at_ns = media->now_ns;
	if (!tell(media, &event))
		rc_caller_end(media, caller, RC_CLOSED_UNHEARD);
}

void rc_caller_tell_closed(struct rc_media *media, struct rc_caller *caller, uint8_t reason)
{
	const struct rc_media_event event = {.call = rc_handle_of(media, caller),
		.at_ns = media->now_ns,
		.kind = RC_MEDIA_CLOSED,
		.reason = reason};

	caller->untold = tell(media, &event) ? 0 : reason;
}

void rc_signal_what_was_told(struct rc_media *media)
{
	if (media->told)
		rc_signal_fd(media->event_fd);
	if (media->chunks.begun_or_ended)
		rc_signal_fd(media->chunk_fd);
	media->told = false;
	media->chunks.begun_or_ended = false;
}

/* ---- places ---- */

static uint32_t place_of(const struct rc_media *media, const struct rc_caller *caller)
{
	return (uint32_t)(caller - media->callers);
}

static void count_calls(struct rc_media *media)
{
	atomic_store_explicit(
		&media->calls, media->settings.calls - media->free_count, memory_order_relaxed);
}

void rc_caller_free(struct rc_media *media, struct rc_caller *caller)
{
	uint32_t generation = caller->generation;

	if (caller->stage != RC_FREE)
		media->in_part[place_of(media, caller) % RC_PARTS]--;
	memset(caller, 0, sizeof *caller);
	caller->generation = generation + 1;
	caller->socket = -1;
	media->free_callers[media->free_count++] = place_of(media, caller);
	count_calls(media);
}

void rc_caller_free_if_done(struct rc_media *media, struct rc_caller *caller)
{
	if (caller->socket < 0 && !caller->untold)
		rc_caller_free(media, caller);
}

/* ---- coming ---- */

/* New callers only while those who are here can still be told of. */
bool rc_callers_have_room(struct rc_media *media)
{
	return media->free_count > 0 && !rc_is_unfed(media) &&
	       rc_ring_waiting(&media->eventing) < media->eventing.places / 2;
}

static void turn_away(struct rc_media *media, int socket)
{
	rc_add(&media->refused, 1);
	close(socket);
}

void rc_caller_seat(struct rc_media *media, int socket)
{
	struct rc_caller *caller = &media->callers[media->free_callers[media->free_count - 1]];
	struct epoll_event event = {
		.events = RC_HEAR_EVENTS, .data.u64 = rc_handle_of(media, caller)};

	setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	/* Others, as bbr, pace what is sent by timers of their own; a refusal costs only time. */
	setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, "reno", sizeof "reno" - 1);
	setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BUFFER}, sizeof(int));
	if (epoll_ctl(media->callers_fd, EPOLL_CTL_ADD, socket, &event) < 0) {
		turn_away(media, socket);
		return;
	}
	media->free_count--;
	media->in_part[place_of(media, caller) % RC_PARTS]++;
	count_calls(media);
	caller->stage = RC_WAITING;
	caller->socket = socket;
	caller->since_ns = media->now_ns;
	caller->keys_left = RC_KEYS_MOST;
	caller->may_send = RC_AUDIO_AHEAD_MOST;
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

void rc_callers_welcome(struct rc_media *media)
{
	for (int n = 0; n < ACCEPTS_MOST; n++) {
		int socket = accept4(media->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (socket < 0) {
			if (errno == EMFILE || errno == ENFILE)
				turn_away_without_descriptor(media);
			return;
		}
		if (rc_callers_have_room(media))
			rc_caller_seat(media, socket);
		else
			turn_away(media, socket);
	}
}

static bool has_hung_up(const struct rc_caller *caller)
{
	struct pollfd end = {.fd = caller->socket, .events = POLLRDHUP};

	return poll(&end, 1, 0) == 1;
}

/* Is this call here already? One that was ended and comes back is, until its end has been read. */
static bool is_here(struct rc_media *media, const uint8_t *uuid)
{
	for (uint32_t place = 0; place < media->settings.calls; place++) {
		struct rc_caller *caller = &media->callers[place];

		if (caller->stage != RC_OPEN ||
			memcmp(caller->uuid, uuid, sizeof caller->uuid) != 0)
			continue;
		if (!has_hung_up(caller))
			return true;
		rc_caller_end(media, caller, RC_CLOSED_HUNG_UP);
	}
	return false;
}

void rc_caller_open(struct rc_media *media, struct rc_caller *caller, const struct rc_frame *frame)
{
	struct rc_media_event event = {0};

	if (frame->kind != RC_FRAME_UUID || frame->length != sizeof caller->uuid ||
		is_here(media, frame->payload)) {
		rc_caller_end(media, caller, RC_CLOSED_BAD_FRAME);
		return;
	}
	memcpy(caller->uuid, frame->payload, sizeof caller->uuid);
	memcpy(event.uuid, frame->payload, sizeof event.uuid);
	caller->stage = RC_OPEN;
	caller->since_ns = media->now_ns;
	caller->heard_ns = media->now_ns;
	rc_dtmf_init(&caller->dtmf);
	rc_add(&media->opened, 1);
	rc_caller_tell(media, caller, RC_MEDIA_OPENED, event);
}

/* ---- going ---- */

void rc_caller_close_socket(struct rc_caller *caller)
{
	if (caller->socket >= 0)
		close(caller->socket);
	caller->socket = -1;
}

/* Half-closes, and waits for the other side: closing at once with its last frame unread would
 * reset the connection, which Asterisk logs as an error. */
void rc_caller_end(struct rc_media *media, struct rc_caller *caller, enum rc_media_reason reason)
{
	bool was_open = caller->stage == RC_OPEN;

	if (caller->stage == RC_FREE || caller->stage == RC_LEAVING)
		return;
	caller->stage = RC_LEAVING;
	caller->since_ns = media->now_ns;
	rc_speech_stop(&caller->speech);
	if (was_open) {
		rc_caller_stop_recording(media, caller);
		rc_caller_tell_closed(media, caller, (uint8_t)reason);
	} else {
		rc_add(&media->refused, 1);
	}
	if (reason == RC_CLOSED_LOST || shutdown(caller->socket, SHUT_WR) < 0)
		rc_caller_close_socket(caller);
}

void rc_callers_end(struct rc_media *media, enum rc_media_reason reason)
{
	for (uint32_t place = 0; place < media->settings.calls; place++)
		rc_caller_end(media, &media->callers[place], reason);
}
