/* Mixing and gain, in 16-bit integers.
 *
 * A gain is a 14-bit fraction, so that 0 dB is exact and twice that still fits 16 bit; while it
 * moves it has 16 bits more, which carry the slope. The loops have no branch in them: compilers
 * make vectors of them. */
#include <math.h>

#include "rc.h"

enum {
	FRACTION = 14, /* bits of a gain behind the point */
	SLOPE = 16,    /* further bits of one that moves */
	HALF = 1 << (FRACTION - 1),
	UNITY = 1 << FRACTION,
};

static const double LOUDEST_DB = 6.0;

/* The sum of two samples, or the end of the scale on its side: it left the scale where both
 * have one sign and their sum the other. */
static int16_t sum(int16_t a, int16_t b)
{
	uint16_t x = (uint16_t)a, y = (uint16_t)b;
	uint16_t wrapped = (uint16_t)(x + y);
	uint16_t left_scale = (uint16_t)(~(x ^ y) & (x ^ wrapped));
	uint16_t end = (uint16_t)((x >> 15) + INT16_MAX);

	return (int16_t)((int16_t)left_scale < 0 ? end : wrapped);
}

/* In a signal louder than it came there is the sample itself and a part of it: the part always
 * fits, and the sum knows the end of the scale. */
static int16_t scaled(int16_t sample, int16_t gain)
{
	int16_t whole = gain > UNITY ? -1 : 0;
	int16_t part = (int16_t)(gain - (UNITY & whole));

	return sum((int16_t)(sample & whole), (int16_t)((sample * part + HALF) >> FRACTION));
}

void rc_mix(const int16_t *a, const int16_t *b, int16_t *out, size_t samples)
{
	for (size_t n = 0; n < samples; n++)
		out[n] = sum(a[n], b[n]);
}

static bool is_gain(double db)
{
	return db <= LOUDEST_DB; /* NaN is not */
}

static int32_t fixed(double db)
{
	return (int32_t)lrint(pow(10.0, db / 20.0) * UNITY) * (1 << SLOPE);
}

enum rc_status rc_gain_set(struct rc_gain *gain, double db)
{
	if (!is_gain(db))
		return RC_BAD;
	*gain = (struct rc_gain){.now = fixed(db), .aim = fixed(db)};
	return RC_OK;
}

enum rc_status rc_gain_aim(struct rc_gain *gain, double db, uint32_t samples)
{
	if (samples == 0)
		return rc_gain_set(gain, db);
	if (!is_gain(db))
		return RC_BAD;
	gain->aim = fixed(db);
	gain->left = samples;
	gain->step = (int32_t)(((int64_t)gain->aim - gain->now) / samples);
	return RC_OK;
}

/* How many of these samples the gain still moves in. */
static size_t moving(const struct rc_gain *gain, size_t samples)
{
	return samples < gain->left ? samples : gain->left;
}

/* The division of `rc_gain_aim` leaves a rest, which the last sample makes good. */
static void moved(struct rc_gain *gain, size_t samples)
{
	gain->left -= (uint32_t)samples;
	gain->now += gain->step * (int32_t)samples;
	if (gain->left == 0)
		gain->now = gain->aim;
}

void rc_gain_apply(struct rc_gain *gain, const int16_t *in, int16_t *out, size_t samples)
{
	size_t ramp = moving(gain, samples);

	for (size_t n = 0; n < ramp; n++)
		out[n] = scaled(in[n], (int16_t)((gain->now + gain->step * (int32_t)n) >> SLOPE));
	moved(gain, ramp);

	int16_t steady = (int16_t)(gain->now >> SLOPE);

	for (size_t n = ramp; n < samples; n++)
		out[n] = scaled(in[n], steady);
}

void rc_gain_mix(struct rc_gain *gain, const int16_t *in, int16_t *onto, size_t samples)
{
	size_t ramp = moving(gain, samples);

	for (size_t n = 0; n < ramp; n++)
		onto[n] = sum(onto[n],
			scaled(in[n], (int16_t)((gain->now + gain->step * (int32_t)n) >> SLOPE)));
	moved(gain, ramp);

	int16_t steady = (int16_t)(gain->now >> SLOPE);

	for (size_t n = ramp; n < samples; n++)
		onto[n] = sum(onto[n], scaled(in[n], steady));
}

void rc_gain_apply_each(
	struct rc_gain *gains, size_t channels, const int16_t *in, int16_t *out, size_t samples)
{
	for (size_t n = 0; n < channels; n++)
		rc_gain_apply(&gains[n], in + n * samples, out + n * samples, samples);
}

void rc_gain_mix_each(
	struct rc_gain *gains, size_t channels, const int16_t *in, int16_t *onto, size_t samples)
{
	for (size_t n = 0; n < channels; n++)
		rc_gain_mix(&gains[n], in + n * samples, onto + n * samples, samples);
}
