/* The doors, the memory and the life of an engine; what runs in between stands in engine.c.
 *
 * All memory is the caller's, one piece, laid out once: nothing is allocated after. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "AudioSocket audio is little-endian");

enum {
	PAGE = 4096,
	COMMANDS_LEAST = 1024,
	EVENTS_PER_CALL = 64,
	EVENTS_LEAST = 1024,
};

static const int FAULTS[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

uint64_t rc_clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void rc_signal_fd(int fd)
{
	/* A full counter is signalled already. */
	(void)!write(fd, &(uint64_t){1}, sizeof(uint64_t));
}

uint64_t rc_drain_fd(int fd)
{
	uint64_t times = 0;

	if (read(fd, &times, sizeof times) != sizeof times)
		return 0;
	return times;
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
	media->chunks.of_one = settings->chunks_of_one;
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
	media->chunks.call_of =
		part_of(arena, chunks, sizeof *media->chunks.call_of, RC_CACHE_LINE);
	media->chunks.lent_of =
		part_of(arena, settings->calls, sizeof *media->chunks.lent_of, RC_CACHE_LINE);
	media->chunks.returned_of =
		part_of(arena, settings->calls, sizeof *media->chunks.returned_of, RC_CACHE_LINE);
	media->chunks.audio =
		part_of(arena, (size_t)settings->chunks * RC_CHUNK_STRIDE, sizeof(int16_t), PAGE);
}

static bool is_sound(const struct rc_media_settings *settings)
{
	return settings->calls >= 1 && settings->calls <= RC_MEDIA_CALLS_MOST &&
	       settings->chunks >= 1 && settings->chunks <= 65536 && settings->chunks_of_one >= 1 &&
	       settings->unfed_after_ms >= 1;
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

static bool watch(struct rc_media *media, int fd, uint32_t for_what, enum rc_door as)
{
	struct epoll_event event = {.events = for_what, .data.u64 = as};

	return epoll_ctl(media->doors, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool open_descriptors(struct rc_media *media)
{
	media->listener = listen_on(media->settings.port);
	if (media->listener < 0)
		return false;
	media->doors = epoll_create1(EPOLL_CLOEXEC);
	media->callers_fd = epoll_create1(EPOLL_CLOEXEC);
	media->clock = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	media->command_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	media->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	media->chunk_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	media->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (media->doors < 0 || media->callers_fd < 0 || media->clock < 0 ||
		media->command_fd < 0 || media->event_fd < 0 || media->chunk_fd < 0 ||
		media->spare < 0)
		return false;
	return learn_port(media) && watch(media, media->listener, EPOLLIN, RC_FROM_LISTENER) &&
	       watch(media, media->clock, EPOLLIN | EPOLLET, RC_FROM_CLOCK) &&
	       watch(media, media->command_fd, EPOLLIN, RC_FROM_COMMANDS) &&
	       watch(media, media->callers_fd, EPOLLIN | EPOLLONESHOT, RC_FROM_CALLERS);
}

static void close_descriptors(struct rc_media *media)
{
	int *all[] = {&media->listener, &media->doors, &media->callers_fd, &media->clock,
		&media->command_fd, &media->event_fd, &media->chunk_fd, &media->spare};

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

/* Every frame sent has the same. */
static void write_header(struct rc_media *media)
{
	media->spoken[0] = RC_FRAME_AUDIO;
	media->spoken[1] = (RC_TICK_SAMPLES * 2) >> 8;
	media->spoken[2] = (RC_TICK_SAMPLES * 2) & 0xff;
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
	media->listener = media->doors = media->callers_fd = media->spare = -1;
	media->clock = -1;
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
	write_header(media);
	for (uint32_t place = settings->calls; place-- > 0;)
		rc_caller_free(media, &media->callers[place]);
	*out = media;
	return RC_OK;
}

enum rc_status rc_media_start(struct rc_media *media)
{
	sigset_t every, before;
	int error;

	if (media->started)
		return RC_BAD;
	media->next_part_ns = rc_clock_ns(CLOCK_MONOTONIC) + RC_TICK_NS;
	rc_set_clock(media);
	rc_media_feed(media);
	sigfillset(&every); /* signals are the loop thread's, but for our own faults */
	for (size_t n = 0; n < sizeof FAULTS / sizeof *FAULTS; n++)
		sigdelset(&every, FAULTS[n]);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	error = pthread_create(&media->thread, NULL, rc_engine_run, media);
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

/* Also what the caller said last. */
static void forget(struct rc_media *media, struct rc_caller *caller)
{
	rc_caller_close_socket(caller);
	if (caller->stage != RC_FREE)
		rc_caller_free(media, caller);
}

void rc_media_stop(struct rc_media *media)
{
	if (!media->started)
		return;
	atomic_store_explicit(&media->stopping, true, memory_order_release);
	rc_signal_fd(media->command_fd);
	pthread_join(media->thread, NULL);
	media->started = false;
	for (uint32_t place = 0; place < media->settings.calls; place++)
		forget(media, &media->callers[place]);
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
	rc_signal_fd(media->command_fd);
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
		rc_drain_fd(media->event_fd);
		if (!rc_ring_oldest(&media->eventing, &place))
			return RC_NONE;
	}
	*event = media->events[place];
	rc_ring_took(&media->eventing);
	return RC_OK;
}

void rc_media_feed(struct rc_media *media)
{
	atomic_store_explicit(&media->fed_ns, rc_clock_ns(CLOCK_MONOTONIC), memory_order_relaxed);
}

void rc_media_let_go_all(struct rc_media *media)
{
	atomic_store_explicit(&media->all_to_go, true, memory_order_relaxed);
	rc_signal_fd(media->command_fd);
}

enum rc_status rc_media_next_chunk(struct rc_media *media, struct rc_media_chunk *chunk)
{
	struct rc_ring *lending = &media->chunks.lending;
	uint64_t place;

	if (!rc_ring_oldest(lending, &place)) {
		rc_drain_fd(media->chunk_fd);
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
	return rc_chunk_give_back(&media->chunks, chunk);
}

static uint64_t value_of(const rc_counter *of)
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
