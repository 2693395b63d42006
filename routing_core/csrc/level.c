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
	SILENT = 8,        /* A-law's nearest to zero */
	HOLED = BLOCK / 4, /* more silent samples than noise of the lowest floor has by chance */
};

/* Below the lowest a line's noise is not heard; above the highest it is no noise but a caller who
 * speaks from the first block on. */
static const double FLOOR_LOWEST_DBM0 = -55.0;
static const double FLOOR_HIGHEST_DBM0 = -30.0;

/* A block, so 2 dB/s: a fan is learned in seconds, a word is not. */
static const double FLOOR_RISE_DB = 0.04;

/* A block, so 100 dB/s: the pauses between the first words are enough. */
static const double FLOOR_FALL_DB = 2.0;

static const double SPEECH_ABOVE_DB = 10.0;

/* A block, so 12 dB/s. */
static const double NEEDLE_FALL_DB = 0.24;

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

void rc_level_each_dbm0(const int16_t *pcm, size_t channels, size_t samples, double *levels_dbm0)
{
	for (size_t n = 0; n < channels; n++)
		levels_dbm0[n] = rc_level_dbm0(pcm + n * samples, samples);
}

/* How many of `samples` more still belong to a block of which there are `gathered`. */
static size_t of_this_block(uint32_t gathered, size_t samples)
{
	size_t left = BLOCK - gathered;

	return samples < left ? samples : left;
}

static uint32_t peak_of(const int16_t *pcm, size_t samples)
{
	int32_t least = 0, most = 0;

	for (size_t n = 0; n < samples; n++) {
		least = pcm[n] < least ? pcm[n] : least;
		most = pcm[n] > most ? pcm[n] : most;
	}
	return (uint32_t)(most > -least ? most : -least);
}

void rc_meter_init(struct rc_meter *meter)
{
	*meter = (struct rc_meter){.level_dbm0 = SILENCE_DBM0};
}

void rc_meter_feed(struct rc_meter *meter, const int16_t *pcm, size_t samples)
{
	uint32_t peak = peak_of(pcm, samples);

	if (peak > meter->peak)
		meter->peak = peak;
	while (samples > 0) {
		size_t part = of_this_block(meter->gathered, samples);

		meter->energy += energy_of(pcm, part);
		meter->gathered += (uint32_t)part;
		pcm += part;
		samples -= part;
		if (meter->gathered == BLOCK) {
			meter->level_dbm0 = fmax(as_dbm0((double)meter->energy, BLOCK),
				fmax(SILENCE_DBM0, meter->level_dbm0 - NEEDLE_FALL_DB));
			meter->energy = 0;
			meter->gathered = 0;
		}
	}
}

static double within(double least, double value, double most)
{
	return fmin(most, fmax(least, value));
}

static uint32_t silent_of(const int16_t *pcm, size_t samples)
{
	uint32_t silent = 0;

	for (size_t n = 0; n < samples; n++)
		silent += pcm[n] >= -SILENT && pcm[n] <= SILENT;
	return silent;
}

/* The floor follows a quieter block soon and a louder one slowly. A block with a hole says nothing
 * of the noise, but where there are only holes, there is none. */
static void learn_floor(struct rc_voice *voice, double level_dbm0)
{
	double candidate = level_dbm0;

	if (voice->learned) {
		double fall = voice->silent > HOLED ? FLOOR_RISE_DB : FLOOR_FALL_DB;

		candidate = within(
			voice->floor_dbm0 - fall, level_dbm0, voice->floor_dbm0 + FLOOR_RISE_DB);
	}
	voice->learned = true;
	voice->floor_dbm0 = within(FLOOR_LOWEST_DBM0, candidate, FLOOR_HIGHEST_DBM0);
}

static void judge(struct rc_voice *voice, double level_dbm0)
{
	learn_floor(voice, level_dbm0);
	if (level_dbm0 > voice->floor_dbm0 + SPEECH_ABOVE_DB) {
		voice->loud++;
		voice->quiet = 0;
		voice->spoken_energy += voice->energy;
		voice->spoken += BLOCK;
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
		size_t part = of_this_block(voice->gathered, samples);

		voice->energy += energy_of(pcm, part);
		voice->silent += silent_of(pcm, part);
		voice->gathered += (uint32_t)part;
		pcm += part;
		samples -= part;
		if (voice->gathered == BLOCK) {
			judge(voice, as_dbm0((double)voice->energy, BLOCK));
			voice->energy = 0;
			voice->silent = 0;
			voice->gathered = 0;
		}
	}
	return voice->speaking;
}

double rc_voice_dbm0(const struct rc_voice *voice)
{
	return as_dbm0((double)voice->spoken_energy, voice->spoken);
}
