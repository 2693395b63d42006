/* Silence trimming: a message is looked at in blocks of 20 ms, and a block is speech or pause by
 * its level alone. What is cut is so near the line's noise that the seam cannot be heard either. */
#include <math.h>

#include "rc.h"

enum {
	BLOCK = 160, /* samples: 20 ms */
	LEVELS = 256,
	LEVELS_PER_DB = 2,
};

static const double LOWEST_DBM0 = -99.0;

/* Noise below is not heard, and a breath above it is not speech. */
static const double FLOOR_LOWEST_DBM0 = -60.0;

/* Noise comes so much above its quietest tenth. */
static const double ABOVE_NOISE_DB = 6.0;

/* Where nobody pauses the quietest tenth is speech too. Sounds so far below the loudest tenth are
 * shorter than what is kept around speech. */
static const double BELOW_VOICE_DB = 20.0;

/* How many blocks have which level, and how many there are. */
struct histogram {
	uint32_t counts[LEVELS];
	uint32_t blocks;
};

static double level_of(size_t place)
{
	return LOWEST_DBM0 + (double)place / LEVELS_PER_DB;
}

static size_t place_of(double level_dbm0)
{
	return (size_t)((level_dbm0 - LOWEST_DBM0) * LEVELS_PER_DB);
}

static size_t block_at(size_t start, size_t samples)
{
	return samples - start < BLOCK ? samples - start : BLOCK;
}

static struct histogram histogram_of(const int16_t *pcm, size_t samples)
{
	struct histogram levels = {.blocks = 0};

	for (size_t start = 0; start < samples; start += BLOCK) {
		levels.counts[place_of(rc_level_dbm0(pcm + start, block_at(start, samples)))]++;
		levels.blocks++;
	}
	return levels;
}

/* The level that so many blocks lie below. */
static double level_above(const struct histogram *levels, uint32_t blocks)
{
	uint32_t below = levels->counts[0];
	size_t place = 0;

	while (below <= blocks && place < LEVELS - 1)
		below += levels->counts[++place];
	return level_of(place);
}

double rc_trim_threshold_dbm0(const int16_t *pcm, size_t samples)
{
	struct histogram levels = histogram_of(pcm, samples);

	if (levels.blocks == 0)
		return LOWEST_DBM0;
	uint32_t tenth = (levels.blocks - 1) / 10;
	double noise = fmax(level_above(&levels, tenth), FLOOR_LOWEST_DBM0);
	double voice = level_above(&levels, levels.blocks - 1 - tenth);

	return fmax(LOWEST_DBM0, fmin(noise + ABOVE_NOISE_DB, voice - BELOW_VOICE_DB));
}

/* Speech from `start` to `end` is heard after that of the last span: they are one, or their pause
 * loses its middle. */
static struct rc_span *after_pause(
	struct rc_span *last, struct rc_span speech, size_t longest_pause)
{
	size_t before = longest_pause / 2, after = longest_pause - before;

	if (speech.start - last->end <= longest_pause) {
		last->end = speech.end;
		return last;
	}
	last->end += before;
	last[1] = (struct rc_span){.start = speech.start - after, .end = speech.end};
	return last + 1;
}

enum rc_status rc_trim(const int16_t *pcm, size_t samples, double threshold_dbm0, size_t around,
	size_t longest_pause, struct rc_span *keeps, size_t room, size_t *count)
{
	struct rc_span *last = NULL;

	if (longest_pause == 0 || longest_pause / 2 < around || isnan(threshold_dbm0))
		return RC_BAD;
	if (room < samples / longest_pause + 1)
		return RC_FULL;
	for (size_t start = 0; start < samples; start += BLOCK) {
		struct rc_span block = {.start = start, .end = start + block_at(start, samples)};

		if (rc_level_dbm0(pcm + start, block.end - start) <= threshold_dbm0)
			continue;
		if (last != NULL) {
			last = after_pause(last, block, longest_pause);
		} else {
			last = keeps;
			*last = (struct rc_span){
				.start = start > around ? start - around : 0, .end = block.end};
		}
	}
	*count = 0;
	if (last != NULL) {
		last->end = samples - last->end > around ? last->end + around : samples;
		*count = (size_t)(last - keeps) + 1;
	}
	return RC_OK;
}
