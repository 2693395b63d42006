/* How loud it is, and whether somebody speaks. Levels are relative to 0 dBm0 of ITU-T G.711. */
#include <math.h>
#include <string.h>

#include "rc.h"

/* Mean square of a sine of full scale, which A-law's table sets at +3.14 dBm0. */
static const double FULL_SCALE = 32768.0 * 32768.0 / 2.0;
static const double FULL_SCALE_DBM0 = 3.14;
static const double SILENCE_DBM0 = -99.0;

enum {
	BLOCK = 160,       /* samples: 20 ms */
	LOUD_BLOCKS = 2,   /* a click is shorter than 40 ms */
	QUIET_BLOCKS = 12, /* the pauses within a word and between two are shorter than 240 ms */
};

/* Below the lowest a line's noise is not heard; above the highest it is no noise but a caller who
 * speaks from the first block on. */
static const double FLOOR_LOWEST_DBM0 = -55.0;
static const double FLOOR_HIGHEST_DBM0 = -30.0;

/* A block, so 2 dB/s: a fan is learned in seconds, a word is not. */
static const double FLOOR_RISE_DB = 0.04;

static const double SPEECH_ABOVE_DB = 10.0;

static double as_dbm0(double energy, size_t samples)
{
	if (energy <= 0.0)
		return SILENCE_DBM0;
	return fmax(SILENCE_DBM0,
		FULL_SCALE_DBM0 + 10.0 * log10(energy / ((double)samples * FULL_SCALE)));
}

static uint64_t energy_of(const int16_t *pcm, size_t samples)
{
	uint64_t energy = 0;

	for (size_t n = 0; n < samples; n++)
		energy += (uint32_t)(pcm[n] * pcm[n]);
	return energy;
}

double rc_level_dbm0(const int16_t *pcm, size_t samples)
{
	return as_dbm0((double)energy_of(pcm, samples), samples);
}

static double within(double least, double value, double most)
{
	return fmin(most, fmax(least, value));
}

/* The floor falls to a quieter block at once and creeps up under a louder one. */
static void learn_floor(struct rc_voice *voice, double level_dbm0)
{
	double candidate = level_dbm0;

	if (voice->learned)
		candidate = fmin(level_dbm0, voice->floor_dbm0 + FLOOR_RISE_DB);
	voice->learned = true;
	voice->floor_dbm0 = within(FLOOR_LOWEST_DBM0, candidate, FLOOR_HIGHEST_DBM0);
}

static void judge(struct rc_voice *voice, double level_dbm0)
{
	learn_floor(voice, level_dbm0);
	if (level_dbm0 > voice->floor_dbm0 + SPEECH_ABOVE_DB) {
		voice->loud++;
		voice->quiet = 0;
	} else {
		voice->loud = 0;
		voice->quiet++;
	}
	if (voice->loud >= LOUD_BLOCKS)
		voice->speaking = true;
	if (voice->quiet >= QUIET_BLOCKS)
		voice->speaking = false;
}

void rc_voice_init(struct rc_voice *voice)
{
	memset(voice, 0, sizeof *voice);
	voice->floor_dbm0 = FLOOR_LOWEST_DBM0;
}

bool rc_voice_feed(struct rc_voice *voice, const int16_t *pcm, size_t samples)
{
	while (samples > 0) {
		size_t part = BLOCK - voice->gathered;

		if (part > samples)
			part = samples;
		voice->energy += energy_of(pcm, part);
		voice->gathered += (uint32_t)part;
		pcm += part;
		samples -= part;
		if (voice->gathered == BLOCK) {
			judge(voice, as_dbm0((double)voice->energy, BLOCK));
			voice->energy = 0;
			voice->gathered = 0;
		}
	}
	return voice->speaking;
}
