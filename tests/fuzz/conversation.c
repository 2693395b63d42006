/* Any caller, any exchange, any clock: no order of bytes, commands and ticks breaks the engine.
 *
 * The engine is driven by hand, without its thread: each input is a list of steps, a byte that says
 * which, and what it needs. After every step the chunks must add up, and each call's events must
 * come in an order that makes sense. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine.h"

enum { CALLS = 3, CHUNKS = 4, SOUND = 400, PAGE = 4096 };

static const struct rc_media_settings SETTINGS = {
	.calls = CALLS, .chunks = CHUNKS, .chunks_of_one = CHUNKS - 1, .unfed_after_ms = 1000};

static int16_t sound[SOUND];
static struct rc_progress_table tones;
static const struct rc_progress_tone TONES[] = {{.burst = {{.hz = {480, 620}}},
	.bursts = 1,
	.needed = 1,
	.held_ms = 100,
	.off_hz = 15,
	.faintest = 1e-4}};

/* What is told of one place. */
struct story {
	uint64_t call;
	bool is_open;
};

struct play {
	struct rc_media *media;
	const uint8_t *at;
	const uint8_t *end;
	int peers[CALLS]; /* the other ends, by place */
	struct story stories[CALLS];
	bool is_lent[CHUNKS];
};

static uint8_t next_byte(struct play *play)
{
	return play->at < play->end ? *play->at++ : 0;
}

static struct rc_media *new_engine(void)
{
	size_t size = rc_media_size(&SETTINGS);
	void *memory = aligned_alloc(PAGE, size);
	struct rc_media *media;

	memset(memory, 0, size);
	if (rc_media_open(memory, size, &SETTINGS, &media) != RC_OK ||
		rc_progress_table_init(&tones, TONES, 1) != RC_OK)
		abort();
	media->now_ns = media->next_part_ns = 1000 * RC_TICK_NS;
	atomic_store(&media->fed_ns, media->now_ns);
	return media;
}

static void arrive(struct play *play)
{
	int pair[2];

	if (!rc_callers_have_room(play->media))
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		abort();
	rc_caller_seat(play->media, pair[0]);
	for (uint32_t place = 0; place < CALLS; place++) {
		if (play->media->callers[place].socket != pair[0])
			continue;
		if (play->peers[place] >= 0)
			close(play->peers[place]);
		play->peers[place] = pair[1];
		return;
	}
	abort();
}

static void speak_up(struct play *play)
{
	struct rc_caller *caller = &play->media->callers[next_byte(play) % CALLS];
	size_t size = next_byte(play) * 4u;

	if (size > (size_t)(play->end - play->at))
		size = (size_t)(play->end - play->at);
	if (caller->socket >= 0 && size > 0) {
		memcpy(play->media->bytes, play->at, size);
		rc_caller_take_bytes(play->media, caller, play->media->bytes + size);
		rc_caller_free_if_done(play->media, caller);
	}
	play->at += size;
}

/* A frame that is right, so that what lies behind the reader is reached soon. */
static void say_well(struct play *play)
{
	struct rc_caller *caller = &play->media->callers[next_byte(play) % CALLS];
	uint8_t kind = next_byte(play), shade = next_byte(play);
	struct rc_frame frame = {.kind = RC_FRAME_AUDIO, .length = 320};
	uint8_t payload[RC_FRAME_LONGEST];

	for (size_t n = 0; n < sizeof payload; n++)
		payload[n] = (uint8_t)(n * shade);
	frame.payload = payload;
	if (caller->stage == RC_WAITING)
		frame = (struct rc_frame){RC_FRAME_UUID, 16, payload};
	else if (kind % 8 == 0)
		frame = (struct rc_frame){RC_FRAME_DIGIT, 1, (const uint8_t *)"5"};
	else if (kind % 8 == 1)
		frame.length = RC_FRAME_LONGEST;
	if (caller->stage == RC_WAITING || caller->stage == RC_OPEN)
		rc_caller_take_frame(play->media, caller, &frame);
}

static void leave(struct play *play)
{
	uint32_t place = next_byte(play) % CALLS;

	if (play->peers[place] < 0)
		return;
	close(play->peers[place]);
	play->peers[place] = -1;
	if (play->media->callers[place].socket >= 0)
		rc_caller_hear(play->media, &play->media->callers[place]);
}

static void pass_time(struct play *play)
{
	uint64_t ticks = next_byte(play) % 16 ? 1 : 60;

	play->media->now_ns += ticks * RC_TICK_NS;
	if (rc_is_unfed(play->media))
		rc_callers_end(play->media, RC_CLOSED_UNFED);
	for (uint32_t place = 0; place < CALLS; place++)
		rc_caller_tick(play->media, &play->media->callers[place]);
}

static void order(struct play *play)
{
	struct rc_media_command command = {
		.call = play->stories[next_byte(play) % CALLS].call,
		.order = RC_ORDER_PLAY + next_byte(play) % RC_ORDER_CLOSE,
		.count = next_byte(play) % (RC_MEDIA_CLIPS + 2u),
		.longest = next_byte(play) * 100u,
		.quiet = next_byte(play) * 20u,
		.silent = next_byte(play) * 20u,
		.tones = &tones,
	};

	for (uint32_t n = 0; n < RC_MEDIA_CLIPS; n++)
		command.clips[n] = (struct rc_clip){sound, 1 + (n * 37u + command.quiet) % SOUND};
	if (rc_media_command(play->media, &command) == RC_OK)
		rc_engine_obey(play->media);
}

static void give_back(struct play *play)
{
	uint32_t chunk = next_byte(play) % (CHUNKS + 1);
	bool lent = chunk < CHUNKS && play->is_lent[chunk];

	if ((rc_media_give_back(play->media, chunk) == RC_OK) != lent)
		abort();
	if (lent)
		play->is_lent[chunk] = false;
}

static void seal(struct play *play)
{
	struct rc_media_chunk chunk;

	while (rc_media_next_chunk(play->media, &chunk) == RC_OK) {
		if (chunk.samples > RC_CHUNK_SAMPLES || play->is_lent[chunk.chunk])
			abort();
		if (chunk.samples < RC_CHUNK_SAMPLES && !chunk.last)
			abort();
		play->is_lent[chunk.chunk] = true;
	}
}

static void listen_to(struct play *play)
{
	struct rc_media_event event;

	while (rc_media_next_event(play->media, &event) == RC_OK) {
		struct story *story = &play->stories[event.call & 0xffff];

		if (event.kind == RC_MEDIA_OPENED) {
			if (story->is_open || event.call <= story->call)
				abort();
			*story = (struct story){event.call, true};
			continue;
		}
		if (!story->is_open || event.call != story->call)
			abort();
		if (event.kind == RC_MEDIA_CLOSED)
			story->is_open = false;
	}
}

/* Every chunk is free, being filled or with the recorder: none is lost, none is in two places. */
static void count_chunks(struct play *play)
{
	uint64_t count = rc_ring_waiting(&play->media->chunks.returned);

	for (uint32_t place = 0; place < CALLS; place++)
		count += play->media->callers[place].recording.on;
	for (uint32_t chunk = 0; chunk < CHUNKS; chunk++)
		count += play->is_lent[chunk];
	if (count != CHUNKS)
		abort();
}

static void step(struct play *play)
{
	switch (next_byte(play) % 8) {
	case 0:
		arrive(play);
		break;
	case 1:
		speak_up(play);
		break;
	case 2:
		say_well(play);
		break;
	case 3:
		leave(play);
		break;
	case 4:
		pass_time(play);
		break;
	case 5:
		order(play);
		break;
	case 6:
		give_back(play);
		break;
	case 7:
		atomic_store(&play->media->fed_ns, play->media->now_ns);
		break;
	}
	seal(play);
	listen_to(play);
	count_chunks(play);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct play play = {.media = new_engine(), .at = bytes, .end = bytes + size};

	for (uint32_t place = 0; place < CALLS; place++)
		play.peers[place] = -1;
	while (play.at < play.end)
		step(&play);
	for (uint32_t place = 0; place < CALLS; place++) {
		rc_caller_close_socket(&play.media->callers[place]);
		if (play.peers[place] >= 0)
			close(play.peers[place]);
	}
	rc_media_shut(play.media);
	free(play.media);
	return 0;
}
