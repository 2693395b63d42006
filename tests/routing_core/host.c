/* host SECONDS: an exchange in C. It runs the media engine as Python does, with a loop's thread and
 * a recorder's, for callers of every kind in a process of their own, more than there are places.
 *
 * One line a figure comes out: how many events of each kind were told, how many allocations the
 * whole process made after the engine's start, and in how many places of memory the callers' words
 * were found while calls were on, after the last one, and, in all of the process, after the end.
 * Only system calls are made in between, for what is proved is that nothing else is needed. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "rc.h"

enum {
	CALLS = 16,
	CALLERS = 20,
	CHUNKS = 12,   /* fewer than may record at once */
	PROMPT = 2000, /* samples */
	UNFED_AFTER_MS = 700,
	KINDS = RC_MEDIA_CLOSED + 1,
	REASONS = RC_CLOSED_STOPPED + 1,
};

static const struct rc_media_settings SETTINGS = {.calls = CALLS,
	.chunks = CHUNKS,
	.chunks_of_one = CHUNKS,
	.unfed_after_ms = UNFED_AFTER_MS};

static struct rc_media *media;
static uint8_t *memory;
static size_t memory_size;
static int16_t prompt[PROMPT];
static struct rc_progress_table tones;
static const struct rc_progress_tone TONES[] = {{.burst = {{.hz = {480, 620}}},
	.bursts = 1,
	.needed = 1,
	.held_ms = 100,
	.off_hz = 15,
	.faintest = 1e-4}};
static uint64_t told[KINDS], closed[REASONS], sealed, ordered;
static _Atomic bool over;
static void *volatile wasted;
static uint32_t chance = 7;

static uint32_t any(uint32_t below)
{
	chance = chance * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)chance * below >> 32);
}

static void fail(const char *what)
{
	perror(what);
	_exit(2);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* ---- the search for what was said ---- */

/* Every 4 samples in a row of the words, hashed; a place of memory that begins with one is compared
 * in full. */
static struct {
	int16_t words[WORDS + TELLING];
	uint16_t starts[1u << 16]; /* 1 + where; 0: none */
	uint8_t block[1u << 16];
	int memory_file;
} search;

static uint16_t hash_of(const void *at)
{
	uint64_t four;

	memcpy(&four, at, sizeof four);
	return (uint16_t)((four * 0x9e3779b97f4a7c15u) >> 48);
}

static void prepare_search(void)
{
	make_words(search.words);
	memcpy(search.words + WORDS, search.words, TELLING * sizeof *search.words);
	for (uint16_t n = 0; n < WORDS; n++)
		search.starts[hash_of(&search.words[n])] = (uint16_t)(n + 1);
	search.memory_file = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	if (search.memory_file < 0)
		fail("host: the memory of the process");
}

static bool is_said(const uint8_t *at)
{
	uint16_t start = search.starts[hash_of(at)];

	return start > 0 &&
	       memcmp(at, &search.words[start - 1], TELLING * sizeof *search.words) == 0;
}

static uint64_t words_in(const uint8_t *from, size_t size)
{
	uint64_t found = 0;

	for (size_t at = 0; at + TELLING * sizeof *search.words <= size; at += 2)
		found += is_said(from + at);
	return found;
}

/* As a debugger reads it: whatever is mapped, but for the search's own. */
static uint64_t words_between(uint64_t from, uint64_t to)
{
	const uint64_t own = (uint64_t)(uintptr_t)&search, own_end = own + sizeof search;
	uint64_t found = 0;

	while (from < to) {
		uint64_t end = from < own ? own : to;
		size_t size = sizeof search.block;
		ssize_t count;

		if (from >= own && from < own_end) {
			from = own_end;
			continue;
		}
		if (end > to)
			end = to;
		if (size > end - from)
			size = end - from;
		count = pread(search.memory_file, search.block, size, (off_t)from);
		if (count <= 0)
			return found; /* the kernel's own pages cannot be read */
		found += words_in(search.block, (size_t)count);
		if ((size_t)count < size || from + size == end)
			from += (uint64_t)count;
		else
			from += size - TELLING * sizeof *search.words;
	}
	return found;
}

static uint64_t words_in_engine(void)
{
	uint64_t at = (uint64_t)(uintptr_t)memory;

	return words_between(at, at + memory_size);
}

/* A sanitizer maps terabytes of its own, in which there is nothing to look for. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { CAN_SEARCH_PROCESS = 0 };
#else
enum { CAN_SEARCH_PROCESS = 1 };
#endif

static uint64_t words_in_process(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[4096], access[5];
	unsigned long from, to;
	uint64_t found = 0;

	if (!maps)
		fail("host: the memory of the process");
	while (fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx %4s", &from, &to, access) == 3 && access[0] == 'r')
			found += words_between(from, to);
	fclose(maps);
	return found;
}

/* ---- the loop's thread ---- */

static void order(uint64_t call, uint32_t what)
{
	struct rc_media_command command = {.call = call, .order = what, .tag = any(1000)};

	command.count = any(4);
	command.longest = 2000 + any(40000);
	command.quiet = any(2) * 4000;
	command.silent = any(2) * 8000;
	command.tones = any(8) > 0 ? &tones : NULL;
	for (uint32_t n = 0; n < command.count; n++)
		command.clips[n] = (struct rc_clip){prompt, 1 + any(PROMPT)};
	if (rc_media_command(media, &command) != RC_OK)
		fail("host: a command was refused");
	ordered++;
}

/* As a flow does: music and a prompt, then a message; and now and then whatever there is. */
static void answer(const struct rc_media_event *event)
{
	switch (event->kind) {
	case RC_MEDIA_OPENED:
		order(event->call, RC_ORDER_LISTEN);
		order(event->call, RC_ORDER_MUSIC);
		order(event->call, RC_ORDER_PLAY);
		break;
	case RC_MEDIA_PLAYED:
		order(event->call, RC_ORDER_RECORD);
		break;
	case RC_MEDIA_RECORDING_ENDED:
	case RC_MEDIA_RECORDING_FULL:
		order(event->call, RC_ORDER_PLAY);
		break;
	case RC_MEDIA_SPEECH_ENDED:
		order(event->call, RC_ORDER_STOP_RECORDING);
		break;
	case RC_MEDIA_STALLED:
		order(event->call, RC_ORDER_CLOSE);
		break;
	default:
		order(event->call, RC_ORDER_PLAY + any(RC_ORDER_LISTEN));
		break;
	}
}

static void take_events(void)
{
	struct rc_media_event event;

	while (rc_media_next_event(media, &event) == RC_OK) {
		told[event.kind]++;
		if (event.kind == RC_MEDIA_CLOSED)
			closed[event.reason]++;
		else
			answer(&event);
	}
}

static bool callers_are_here(pid_t callers)
{
	int status;

	if (waitpid(callers, &status, WNOHANG) == 0)
		return true;
	if (status != 0)
		fail("host: the callers failed");
	return false;
}

/* Twice everybody is let go: once by command, once because the loop stands still. */
static uint64_t serve(pid_t callers, uint64_t seconds)
{
	const uint64_t began = now_ms(), length = seconds * 1000;
	struct pollfd ready = {.fd = rc_media_event_fd(media), .events = POLLIN};
	bool stood_still = false, let_go = false;
	uint64_t found = 0;

	while (callers_are_here(callers)) {
		rc_media_feed(media);
		if (poll(&ready, 1, 100) > 0)
			take_events();
		if (!let_go && now_ms() - began > length / 3) {
			let_go = true;
			found = words_in_engine();
			rc_media_let_go_all(media);
		}
		if (!stood_still && now_ms() - began > 2 * length / 3) {
			stood_still = true;
			poll(NULL, 0, 2 * UNFED_AFTER_MS);
		}
	}
	return found;
}

/* ---- the recorder's thread ---- */

static void seal(const struct rc_media_chunk *chunk)
{
	int16_t *audio = rc_media_chunk_audio(media, chunk->chunk);

	for (uint32_t n = 0; n < chunk->samples; n++)
		audio[n] ^= 0x5555;
	memset(audio + chunk->samples, 0x55, RC_CHUNK_SPARE);
	if (rc_media_give_back(media, chunk->chunk) != RC_OK)
		fail("host: a chunk was not taken back");
	sealed++;
}

static void *record(void *unused)
{
	struct pollfd ready = {.fd = rc_media_chunk_fd(media), .events = POLLIN};
	struct rc_media_chunk chunk;
	bool last;

	do {
		last = atomic_load(&over);
		if (!last)
			poll(&ready, 1, 100);
		while (rc_media_next_chunk(media, &chunk) == RC_OK)
			seal(&chunk);
	} while (!last);
	return unused;
}

/* ---- the whole ---- */

static void say(const char *what, uint64_t how_many)
{
	printf("%s %llu\n", what, (unsigned long long)how_many);
}

static void report(uint64_t refused)
{
	static const char *const kinds[KINDS] = {"", "opened", "tone_began", "tone_ended",
		"key_frame", "played", "speech_ended", "recording_ended", "recording_full",
		"stalled", "line_tone", "line_silent", "closed"};
	static const char *const reasons[REASONS] = {"", "hung_up", "lost", "peer_failed",
		"bad_frame", "peer_stuck", "let_go", "all_let_go", "unfed", "unheard", "stopped"};

	for (size_t n = 1; n < KINDS; n++)
		say(kinds[n], told[n]);
	for (size_t n = 1; n < REASONS; n++)
		say(reasons[n], closed[n]);
	say("refused", refused);
	say("sealed", sealed);
	say("ordered", ordered);
}

int main(int argc, char **argv)
{
	uint32_t seconds = argc == 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	uint64_t found_during, found_after, allocated = 0;
	struct rc_media_stats stats;
	pthread_t recorder;
	pid_t callers;

	if (seconds == 0)
		return fprintf(stderr, "usage: host SECONDS\n"), 2;
	for (size_t n = 0; n < PROMPT; n++)
		prompt[n] = (int16_t)(n * 37);
	if (rc_progress_table_init(&tones, TONES, 1) != RC_OK)
		fail("host: no tones");
	memory_size = rc_media_size(&SETTINGS);
	memory =
		mmap(NULL, memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || rc_media_open(memory, memory_size, &SETTINGS, &media) != RC_OK)
		fail("host: no engine");
	callers = fork();
	if (callers == 0)
		call_for(rc_media_port(media), CALLERS, seconds);
	prepare_search();
	if (pthread_create(&recorder, NULL, record, NULL) != 0 || rc_media_start(media) != RC_OK)
		fail("host: no threads");
	if (count_allocations)
		count_allocations();
	if (getenv("HOST_ALLOCATES"))
		wasted = malloc(100);
	found_during = serve(callers, seconds);
	rc_media_stats(media, &stats);
	rc_media_stop(media);
	take_events();
	if (allocations)
		allocated = allocations();
	atomic_store(&over, true);
	pthread_join(recorder, NULL);
	found_after = words_in_engine();
	report(stats.refused);
	say("taken", rc_media_commands_taken(media));
	rc_media_shut(media);
	say("allocations", allocated);
	say("words_during", found_during);
	say("words_after", found_after);
	if (CAN_SEARCH_PROCESS)
		say("words_at_the_end", words_in_process());
	return 0;
}
