/* The tick: each 20 ms everybody is sent a frame, and what time alone decides is decided.
 *
 * It is our own clock: a caller who sends nothing is spoken to at the same pace. A tick has five
 * parts, 4 ms apart, and each place its own of them, so that nobody waits while five hundred are
 * spoken to. Who does not read is waited for, and let go after STUCK_AFTER_NS. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "engine.h"

enum { CATCH_UP_MOST = 5 }; /* frames sent at once after a late tick; more are skipped */

static const uint64_t LATE_NS = 5000000;
static const uint64_t UUID_WITHIN_NS = 2000000000;  /* Asterisk sends it at once */
static const uint64_t STUCK_AFTER_NS = 2000000000;  /* as Asterisk itself judges a connection */
static const uint64_t LEAVE_WITHIN_NS = 1000000000; /* Asterisk closes its side in milliseconds */

/* ---- what a caller is sent ---- */

/* Without libc's cancellation point, as in hear.c. */
static ssize_t transmit(int socket, const void *bytes, size_t size)
{
	return syscall(
		SYS_sendto, socket, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, (socklen_t)0);
}

/* Sends a frame, or what is held of one; what the other side does not take is held. False while it
 * takes nothing more. */
static bool give(
	struct rc_media *media, struct rc_caller *caller, const uint8_t *bytes, uint32_t size)
{
	ssize_t count = transmit(caller->socket, bytes, size);

	if (count == (ssize_t)size) {
		caller->held_size = 0;
		caller->stuck_ns = 0;
		rc_add(&media->frames_out, 1);
		return true;
	}
	if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		rc_caller_end(media, caller, RC_CLOSED_LOST);
		return false;
	}
	if (count > 0 || caller->stuck_ns == 0)
		caller->stuck_ns = media->now_ns;
	caller->held_size = size - (count > 0 ? (uint32_t)count : 0);
	memmove(caller->held, bytes + size - caller->held_size, caller->held_size);
	return false;
}

/* Speech waits for a caller who does not read, rather than being lost. */
static void speak_to(struct rc_media *media, struct rc_caller *caller)
{
	bool ended;

	if (caller->held_size > 0 && !give(media, caller, caller->held, caller->held_size))
		return;
	ended = rc_speech_next(&caller->speech, media->spoken + RC_FRAME_HEADER);
	give(media, caller, media->spoken, sizeof media->spoken);
	if (ended && caller->stage == RC_OPEN)
		rc_caller_tell(media, caller, RC_MEDIA_PLAYED,
			(struct rc_media_event){.tag = caller->speech.tag});
}

/* ---- what time decides ---- */

static uint32_t at_most(uint32_t most, uint32_t value)
{
	return value < most ? value : most;
}

static void tick_open(struct rc_media *media, struct rc_caller *caller)
{
	speak_to(media, caller);
	if (caller->stage != RC_OPEN)
		return;
	rc_caller_hear_nothing(media, caller);
	if (caller->stage != RC_OPEN)
		return;
	rc_caller_keep_recording(media, caller);
	caller->may_send = at_most(RC_AUDIO_AHEAD_MOST, caller->may_send + RC_TICK_SAMPLES);
	caller->keys_left = at_most(RC_KEYS_MOST, caller->keys_left + 1);
	if (rc_is_over(caller->stuck_ns, STUCK_AFTER_NS, media->now_ns) ||
		rc_is_over(caller->unfinished_ns, STUCK_AFTER_NS, media->now_ns))
		rc_caller_end(media, caller, RC_CLOSED_PEER_STUCK);
}

void rc_caller_tick(struct rc_media *media, struct rc_caller *caller)
{
	switch (caller->stage) {
	case RC_FREE:
		return;
	case RC_WAITING:
		if (rc_is_over(caller->since_ns, UUID_WITHIN_NS, media->now_ns))
			rc_caller_end(media, caller, RC_CLOSED_PEER_STUCK);
		return;
	case RC_OPEN:
		tick_open(media, caller);
		return;
	case RC_LEAVING:
		if (caller->untold)
			rc_caller_tell_closed(media, caller, caller->untold);
		if (rc_is_over(caller->since_ns, LEAVE_WITHIN_NS, media->now_ns))
			rc_caller_close_socket(caller);
		rc_caller_free_if_done(media, caller);
		return;
	}
}

static void raise_to(rc_counter *of, uint64_t value)
{
	if (value > atomic_load_explicit(of, memory_order_relaxed))
		atomic_store_explicit(of, value, memory_order_relaxed);
}

/* ---- the clock ---- */

static void note(struct rc_media *media, uint64_t late_ns)
{
	if (late_ns > LATE_NS)
		rc_add(&media->ticks_late, 1);
	raise_to(&media->tick_late_worst_ns, late_ns);
	raise_to(&media->tick_work_worst_ns, rc_clock_ns(CLOCK_MONOTONIC) - media->now_ns);
	atomic_store_explicit(
		&media->cpu_ns, rc_clock_ns(CLOCK_THREAD_CPUTIME_ID), memory_order_relaxed);
}

/* After a long stop nobody is spoken to in one breath for all of it. */
static void skip_what_is_too_late(struct rc_media *media)
{
	uint64_t ticks = (media->now_ns - media->next_part_ns) / RC_TICK_NS;

	if (ticks < CATCH_UP_MOST)
		return;
	rc_add(&media->ticks, ticks - CATCH_UP_MOST);
	media->next_part_ns += (ticks - CATCH_UP_MOST) * RC_TICK_NS;
}

static void fetch(const struct rc_caller *caller)
{
	rc_fetch(caller, caller->reader.held);
	rc_fetch(&caller->speech.count, &caller->speech + 1);
}

static void tick_part(struct rc_media *media)
{
	uint32_t calls = media->settings.calls;

	for (uint32_t place = media->next_part; place < calls; place += RC_PARTS) {
		if (place + RC_PARTS < calls)
			fetch(&media->callers[place + RC_PARTS]);
		rc_caller_tick(media, &media->callers[place]);
	}
	media->next_part_ns += RC_PART_NS;
	media->next_part = (media->next_part + 1) % RC_PARTS;
	if (media->next_part == 0)
		rc_add(&media->ticks, 1);
}

/* A part with nobody in it needs no waking, but for one a tick. */
static uint64_t next_waking_ns(const struct rc_media *media)
{
	uint32_t part = media->next_part;
	uint64_t at_ns = media->next_part_ns;

	while (part > 0 && media->in_part[part] == 0 && !media->by_the_clock) {
		part = (part + 1) % RC_PARTS;
		at_ns += RC_PART_NS;
	}
	return at_ns;
}

void rc_set_clock(struct rc_media *media)
{
	uint64_t at_ns = next_waking_ns(media);
	struct itimerspec when = {.it_value = {.tv_sec = (time_t)(at_ns / 1000000000u),
					  .tv_nsec = (long)(at_ns % 1000000000u)}};

	if (at_ns == media->wakes_ns)
		return;
	media->wakes_ns = at_ns;
	timerfd_settime(media->clock, TFD_TIMER_ABSTIME, &when, NULL);
}

void rc_tick(struct rc_media *media)
{
	uint64_t late_ns;

	if (media->now_ns < media->next_part_ns)
		return;
	late_ns = media->now_ns - media->next_part_ns;
	if (rc_is_unfed(media))
		rc_callers_end(media, RC_CLOSED_UNFED);
	skip_what_is_too_late(media);
	while (media->next_part_ns <= media->now_ns)
		tick_part(media);
	note(media, late_ns);
}
