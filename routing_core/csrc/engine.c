/* The thread: it waits, and hands on what there is to do.
 *
 * Whoever sends something is heard at arrival, and with them all who have sent meanwhile; the next
 * such pass comes no sooner than PASS_NS later. So a lone caller's key is acted on at once, and
 * five hundred callers cost a few wake-ups a tick, not one a frame.
 *
 *   AT ARRIVAL -- somebody was heard --> BY THE CLOCK -- a pass in which nobody was --> AT ARRIVAL
 */
#include <string.h>
#include <sys/epoll.h>

#include "engine.h"

/* ---- commands ---- */

static void obey(
	struct rc_media *media, struct rc_caller *caller, const struct rc_media_command *command)
{
	switch ((enum rc_media_order)command->order) {
	case RC_ORDER_PLAY:
		rc_speech_play(&caller->speech, command->clips, command->count, command->tag);
		return;
	case RC_ORDER_STOP_PLAYING:
		rc_speech_stop(&caller->speech);
		return;
	case RC_ORDER_MUSIC:
		rc_speech_music(
			&caller->speech, command->count ? command->clips[0] : (struct rc_clip){0});
		return;
	case RC_ORDER_RECORD:
		rc_caller_record(media, caller, command);
		return;
	case RC_ORDER_STOP_RECORDING:
		rc_caller_stop_recording(media, caller);
		return;
	case RC_ORDER_LISTEN:
		rc_caller_listen(caller, command);
		return;
	case RC_ORDER_CLOSE:
		rc_caller_end(media, caller, RC_CLOSED_LET_GO);
		return;
	}
}

void rc_engine_obey(struct rc_media *media)
{
	uint64_t place;

	rc_drain_fd(media->command_fd);
	while (rc_ring_oldest(&media->commanding, &place)) {
		const struct rc_media_command *command = &media->commands[place];
		struct rc_caller *caller = rc_caller_of(media, command->call);

		if (caller && caller->stage == RC_OPEN)
			obey(media, caller, command);
		rc_ring_took(&media->commanding);
	}
	if (atomic_exchange_explicit(&media->all_to_go, false, memory_order_relaxed))
		rc_callers_end(media, RC_CLOSED_ALL_LET_GO);
}

/* ---- hearing ---- */

static void hear_at_arrival(struct rc_media *media)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = RC_FROM_CALLERS};

	epoll_ctl(media->doors, EPOLL_CTL_MOD, media->callers_fd, &event);
}

static void hear(struct rc_media *media)
{
	media->by_the_clock = rc_callers_hear(media);
	if (!media->by_the_clock)
		hear_at_arrival(media);
}

/* ---- the thread ---- */

static void attend(struct rc_media *media, enum rc_door from)
{
	switch (from) {
	case RC_FROM_LISTENER:
		rc_callers_welcome(media);
		return;
	case RC_FROM_CLOCK:
		rc_tick(media);
		if (media->by_the_clock)
			hear(media);
		return;
	case RC_FROM_COMMANDS:
		rc_engine_obey(media);
		return;
	case RC_FROM_CALLERS:
		hear(media);
		return;
	}
}

void *rc_engine_run(void *argument)
{
	struct rc_media *media = argument;
	struct epoll_event open[RC_DOORS];

	while (!atomic_load_explicit(&media->stopping, memory_order_acquire)) {
		int count = epoll_wait(media->doors, open, RC_DOORS, -1);

		media->now_ns = rc_clock_ns(CLOCK_MONOTONIC);
		for (int n = 0; n < count; n++)
			attend(media, (enum rc_door)open[n].data.u64);
		rc_set_clock(media);
		rc_signal_what_was_told(media);
	}
	rc_callers_end(media, RC_CLOSED_STOPPED);
	rc_signal_what_was_told(media);
	return NULL;
}
