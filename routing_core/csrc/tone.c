/* Sines by a turning phasor: no table, no drift that hours would show (a double loses 1e-16 a
 * turn). */
#include <math.h>
#include <string.h>

#include "rc.h"

static const double SAMPLE_RATE_HZ = 8000.0;
static const double TWO_PI = 6.283185307179586;
static const double FULL_SCALE = 32768.0;
static const double LOUDEST_DBM0 = 3.14;

static const double RAMP = 40.0; /* samples of rise and of fall, 5 ms, so that nothing clicks */

static const double BEEP_HZ = 1000.0;
static const double BEEP_DBM0 = -10.0;
static const uint64_t BEEP_SAMPLES = 2400;

/* ITU-T Q.23 */
static const char *const KEYS = "123A456B789C*0#D";
static const double ROW_HZ[4] = {697.0, 770.0, 852.0, 941.0};
static const double COLUMN_HZ[4] = {1209.0, 1336.0, 1477.0, 1633.0};

static bool is_playable(double hz, double dbm0)
{
	return hz > 0.0 && hz < SAMPLE_RATE_HZ / 2.0 && dbm0 <= LOUDEST_DBM0;
}

static struct rc_sine sine(double hz, double dbm0)
{
	return (struct rc_sine){.re = FULL_SCALE * pow(10.0, (dbm0 - LOUDEST_DBM0) / 20.0),
		.im = 0.0,
		.turn_re = cos(TWO_PI * hz / SAMPLE_RATE_HZ),
		.turn_im = sin(TWO_PI * hz / SAMPLE_RATE_HZ)};
}

static double turn(struct rc_sine *s)
{
	double value = s->im;
	double re = s->re * s->turn_re - s->im * s->turn_im;

	s->im = s->re * s->turn_im + s->im * s->turn_re;
	s->re = re;
	return value;
}

static double ramp(const struct rc_tone *tone)
{
	double since = (double)tone->at + 0.5;
	double until = (double)(tone->samples - tone->at) - 0.5;

	return fmin(1.0, fmin(since, until) / RAMP);
}

static int16_t clipped(double value)
{
	return (int16_t)lrint(fmin(32767.0, fmax(-32768.0, value)));
}

enum rc_status rc_tone_pair(
	struct rc_tone *tone, double hz, double dbm0, double hz2, double dbm02, uint64_t samples)
{
	if (!is_playable(hz, dbm0) || !is_playable(hz2, dbm02))
		return RC_BAD;
	*tone = (struct rc_tone){
		.sine = {sine(hz, dbm0), sine(hz2, dbm02)}, .at = 0, .samples = samples};
	return RC_OK;
}

enum rc_status rc_tone_digit(struct rc_tone *tone, char digit, double dbm0, uint64_t samples)
{
	const char *key = digit == '\0' ? NULL : strchr(KEYS, digit);

	if (key == NULL)
		return RC_BAD;
	return rc_tone_pair(
		tone, ROW_HZ[(key - KEYS) / 4], dbm0, COLUMN_HZ[(key - KEYS) % 4], dbm0, samples);
}

void rc_tone_beep(struct rc_tone *tone)
{
	(void)rc_tone_pair(tone, BEEP_HZ, BEEP_DBM0, BEEP_HZ, -99.0, BEEP_SAMPLES);
}

size_t rc_tone_next(struct rc_tone *tone, int16_t *pcm, size_t samples)
{
	uint64_t left = tone->samples - tone->at;
	size_t made = samples < left ? samples : (size_t)left;

	for (size_t n = 0; n < made; n++) {
		pcm[n] = clipped(ramp(tone) * (turn(&tone->sine[0]) + turn(&tone->sine[1])));
		tone->at++;
	}
	return made;
}
