/* What a caller says, appended as it arrives and held to our own clock.
 *
 * Arrival may stray from the clock by LATE_MOST before silence is put in, and by EARLY_MOST before
 * sound is dropped; between the two not a sample is touched. A full chunk is lent only when the
 * next one is held, so that the last chunk of every recording can say that it is the last.
 *
 * A recorder that is behind stops nobody at once: the chunks are for all who are recorded, but one
 * call may hold and have lent no more than its share, and is stalled then. */
#include <string.h>

#include "media.h"

static const uint64_t LATE_MOST = 1600;  /* samples: 200 ms, longer than a network's jitter */
static const uint64_t EARLY_MOST = 8000; /* samples: a second's delay, caught up in one burst */

static const uint64_t SAMPLE_NS = 125000;

void rc_chunks_init(struct rc_chunks *chunks)
{
	uint64_t places = chunks->lending.places;

	rc_ring_init(&chunks->lending, places);
	rc_ring_init(&chunks->returned, places);
	for (uint32_t chunk = 0; chunk < chunks->count; chunk++) {
		chunks->free[chunk] = chunk;
		rc_ring_wrote(&chunks->returned);
	}
}

int16_t *rc_chunk_audio(const struct rc_chunks *chunks, uint32_t chunk)
{
	return chunks->audio + (size_t)chunk * RC_CHUNK_STRIDE;
}

static uint32_t place_of(const struct rc_recording *recording)
{
	return (uint32_t)(recording->call & 0xffff);
}

static uint32_t waiting_of(const struct rc_recording *recording, const struct rc_chunks *chunks)
{
	uint32_t place = place_of(recording);

	return chunks->lent_of[place] -
	       atomic_load_explicit(&chunks->returned_of[place], memory_order_relaxed);
}

/* One more than `held` and those that wait. */
static bool take(const struct rc_recording *recording, struct rc_chunks *chunks, uint32_t held,
	uint32_t *chunk)
{
	uint64_t place;

	if (held + waiting_of(recording, chunks) >= chunks->of_one)
		return false;
	if (!rc_ring_oldest(&chunks->returned, &place))
		return false;
	*chunk = chunks->free[place];
	rc_ring_took(&chunks->returned);
	return true;
}

/* The ring has a place for every chunk there is. */
static void lend(struct rc_recording *recording, struct rc_chunks *chunks, bool last)
{
	uint64_t place;
	struct rc_media_chunk *chunk;

	if (!rc_ring_place(&chunks->lending, &place))
		return;
	chunk = &chunks->lent[place];
	chunk->call = recording->call;
	memcpy(chunk->uuid, recording->uuid, sizeof chunk->uuid);
	chunk->chunk = recording->chunk;
	chunk->number = recording->number;
	chunk->samples = recording->filled;
	chunk->last = last;
	chunks->is_lent[recording->chunk] = true;
	chunks->call_of[recording->chunk] = recording->call;
	chunks->lent_of[place_of(recording)]++;
	chunks->begun_or_ended |= recording->number == 0 || last;
	rc_ring_wrote(&chunks->lending);
}

enum rc_status rc_chunk_give_back(struct rc_chunks *chunks, uint32_t chunk)
{
	uint64_t place;

	if (chunk >= chunks->count || !chunks->is_lent[chunk])
		return RC_BAD;
	if (!rc_ring_place(&chunks->returned, &place))
		return RC_BAD;
	chunks->is_lent[chunk] = false;
	explicit_bzero(rc_chunk_audio(chunks, chunk), RC_CHUNK_STRIDE * sizeof(int16_t));
	atomic_fetch_add_explicit(
		&chunks->returned_of[chunks->call_of[chunk] & 0xffff], 1, memory_order_relaxed);
	chunks->free[place] = chunk;
	rc_ring_wrote(&chunks->returned);
	return RC_OK;
}

enum rc_status rc_recording_begin(
	struct rc_recording *recording, struct rc_chunks *chunks, uint64_t now_ns, uint64_t longest)
{
	uint32_t chunk;

	if (!take(recording, chunks, 0, &chunk))
		return RC_FULL;
	recording->on = true;
	recording->spoke = false;
	recording->told_quiet = false;
	recording->began_ns = now_ns;
	recording->samples = 0;
	recording->longest = longest;
	recording->spoke_at = 0;
	recording->chunk = chunk;
	recording->filled = 0;
	recording->number = 0;
	return RC_OK;
}

bool rc_recording_is_over(struct rc_recording *recording)
{
	uint32_t limit = recording->spoke ? recording->quiet : recording->silent;

	if (!recording->on || recording->told_quiet || limit == 0)
		return false;
	recording->told_quiet = recording->samples - recording->spoke_at >= limit;
	return recording->told_quiet;
}

void rc_recording_end(struct rc_recording *recording, struct rc_chunks *chunks)
{
	if (!recording->on)
		return;
	lend(recording, chunks, true);
	recording->on = false;
}

static enum rc_recording_state turn_over(struct rc_recording *recording, struct rc_chunks *chunks)
{
	uint32_t next;

	if (recording->samples == recording->longest) {
		rc_recording_end(recording, chunks);
		return RC_RECORDING_IS_FULL;
	}
	if (recording->filled < RC_CHUNK_SAMPLES)
		return RC_RECORDING_GOES_ON;
	if (!take(recording, chunks, 1, &next)) {
		rc_recording_end(recording, chunks);
		return RC_RECORDING_IS_STALLED;
	}
	lend(recording, chunks, false);
	recording->chunk = next;
	recording->filled = 0;
	recording->number++;
	return RC_RECORDING_GOES_ON;
}

/* Appends samples, or silence for NULL. */
static enum rc_recording_state append(struct rc_recording *recording, struct rc_chunks *chunks,
	const int16_t *pcm, uint64_t samples)
{
	enum rc_recording_state state = RC_RECORDING_GOES_ON;

	while (samples > 0 && state == RC_RECORDING_GOES_ON) {
		int16_t *to = rc_chunk_audio(chunks, recording->chunk) + recording->filled;
		uint64_t part = RC_CHUNK_SAMPLES - recording->filled;

		if (part > samples)
			part = samples;
		if (part > recording->longest - recording->samples)
			part = recording->longest - recording->samples;
		if (pcm) {
			memcpy(to, pcm, part * sizeof *to);
			pcm += part;
		} else {
			memset(to, 0, part * sizeof *to);
		}
		recording->filled += (uint32_t)part;
		recording->samples += part;
		samples -= part;
		state = turn_over(recording, chunks);
	}
	return state;
}

static uint64_t by_the_clock(const struct rc_recording *recording, uint64_t now_ns)
{
	return (now_ns - recording->began_ns) / SAMPLE_NS;
}

enum rc_recording_state rc_recording_hear(struct rc_recording *recording, struct rc_chunks *chunks,
	uint64_t now_ns, const int16_t *pcm, uint32_t samples)
{
	if (recording->samples + samples > by_the_clock(recording, now_ns) + EARLY_MOST)
		return RC_RECORDING_GOES_ON;
	return append(recording, chunks, pcm, samples);
}

enum rc_recording_state rc_recording_keep_time(
	struct rc_recording *recording, struct rc_chunks *chunks, uint64_t now_ns)
{
	uint64_t due = by_the_clock(recording, now_ns);

	if (due <= recording->samples + LATE_MOST)
		return RC_RECORDING_GOES_ON;
	return append(recording, chunks, NULL, due - recording->samples);
}

void rc_recording_forget(struct rc_recording *recording, struct rc_chunks *chunks, uint64_t samples)
{
	uint64_t part = samples < recording->filled ? samples : recording->filled;
	int16_t *end = rc_chunk_audio(chunks, recording->chunk) + recording->filled;

	memset(end - part, 0, part * sizeof *end);
	if (recording->spoke && recording->spoke_from + samples >= recording->samples)
		recording->spoke = false; /* it was the tone */
}
