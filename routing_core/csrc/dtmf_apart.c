/* Two sounds in one band, told apart: a key's tone and the harmonic of a voice beside it.
 *
 * What is the sum of two steady turns follows a recurrence of two terms, and its roots are the
 * turns (Prony, 1795). That is near enough for each sound to be taken out of the looks and the
 * other measured anew, by its turn over a long way. A voice's pitch glides, but hardly in 32 ms. */
#include "dtmf.h"

enum { TIMES_ANEW = 3 };

/* Closer ones are one sound to 32 ms of looks, and 500 Hz apart they turn alike. */
static const float APART_LEAST_HZ = 25.0f;
static const float APART_MOST_HZ = 480.0f;

/* What is beside one sound alone, as a part of it: too little for a recurrence to rest on. */
static const float NEXT_TO_NOTHING = 1.0e-5f;

static phasor difference(phasor a, phasor b)
{
	return (phasor){a.re - b.re, a.im - b.im};
}

static phasor times(phasor z, float factor)
{
	return (phasor){z.re * factor, z.im * factor};
}

static phasor mirrored(phasor z)
{
	return (phasor){z.re, -z.im};
}

static phasor square_root(phasor z)
{
	float length = sqrtf(power(z));
	float greater = sqrtf(0.5f * (length + fabsf(z.re)));
	float lesser = greater > 0.0f ? fabsf(z.im) / (2.0f * greater) : 0.0f;
	float im = z.re < 0.0f ? greater : lesser;

	return (phasor){z.re < 0.0f ? lesser : greater, z.im < 0.0f ? -im : im};
}

static phasor turn_in(float hz, double looks)
{
	return rc_dtmf_after_turns(hz * looks * HOP / SAMPLE_RATE_HZ);
}

static float hz_of(phasor turn, float band_hz)
{
	return band_hz + (float)(rc_dtmf_turns_of(turn_to(turn, turn_in(band_hz, 1.0))) *
				 SAMPLE_RATE_HZ / HOP);
}

/* z[n] + first * z[n - 1] + second * z[n - 2] is to be nothing, forwards and mirrored backwards. */
static bool find_turns(const phasor *z, uint32_t looks, float band_hz, struct pair *pair)
{
	phasor by_one = {0.0f, 0.0f}, by_two = {0.0f, 0.0f};
	float inner = 0.0f, outer = 0.0f;

	for (uint32_t n = 2; n < looks; n++) {
		inner += 2.0f * power(z[n - 1]);
		outer += power(z[n]) + power(z[n - 2]);
		by_one = sum(by_one, turn_to(z[n], z[n - 1]));
		by_one = sum(by_one, turn_to(z[n - 1], z[n - 2]));
		by_two = sum(by_two, times(turn_to(z[n], z[n - 2]), 2.0f));
	}

	float scale = inner * outer - power(by_one);

	if (!(scale > NEXT_TO_NOTHING * inner * outer))
		return false;

	phasor first = times(
		difference(turned(mirrored(by_one), by_two), times(by_one, outer)), 1.0f / scale);
	phasor second =
		times(difference(turned(by_one, by_one), times(by_two, inner)), 1.0f / scale);
	phasor apart = square_root(difference(turned(first, first), times(second, 4.0f)));

	pair->one.hz = hz_of(difference(apart, first), band_hz);
	pair->other.hz = hz_of(times(sum(apart, first), -1.0f), band_hz);
	return true;
}

static bool are_apart(const struct pair *pair)
{
	float apart_hz = fabsf(pair->one.hz - pair->other.hz);

	return apart_hz >= APART_LEAST_HZ && apart_hz <= APART_MOST_HZ;
}

/* The looks turned back by as much as this frequency has turned them since their middle. */
static phasor added_up(const phasor *z, uint32_t looks, float hz)
{
	phasor step = turn_in(hz, 1.0), at = turn_in(hz, -0.5 * (looks - 1));
	phasor all = {0.0f, 0.0f};

	for (uint32_t n = 0; n < looks; n++) {
		all = sum(all, turn_to(z[n], at));
		at = turned(at, step);
	}
	return all;
}

/* What so many looks at one sound hold of another (Dirichlet's kernel). */
static float in_common(float apart_hz, uint32_t looks)
{
	return turn_in(apart_hz, 0.5 * looks).im / turn_in(apart_hz, 0.5).im;
}

/* Their least-squares fit. */
static void find_strengths(const phasor *z, uint32_t looks, struct pair *pair)
{
	float own = (float)looks, shared = in_common(pair->one.hz - pair->other.hz, looks);
	float scale = 1.0f / (own * own - shared * shared);
	phasor one = added_up(z, looks, pair->one.hz);
	phasor other = added_up(z, looks, pair->other.hz);

	pair->one.middle = times(difference(times(one, own), times(other, shared)), scale);
	pair->other.middle = times(difference(times(other, own), times(one, shared)), scale);
}

static void take_out(struct sound sound, const phasor *z, uint32_t looks, phasor *left)
{
	phasor step = turn_in(sound.hz, 1.0);
	phasor at = turned(sound.middle, turn_in(sound.hz, -0.5 * (looks - 1)));

	for (uint32_t n = 0; n < looks; n++) {
		left[n] = difference(z[n], at);
		at = turned(at, step);
	}
}

/* The frequency of one sound, in looks from which the one beside it has been taken out. */
static float measured_anew(struct sound sound, struct sound beside, const phasor *z, uint32_t looks)
{
	phasor left[RC_DTMF_PAST], turn = {0.0f, 0.0f};
	uint32_t lag = 2 * (looks - 1) / 3;

	take_out(beside, z, looks, left);
	for (uint32_t n = lag; n < looks; n++)
		turn = sum(turn, turn_to(left[n], left[n - lag]));
	turn = turn_to(turn, turn_in(sound.hz, lag));
	return sound.hz + (float)(rc_dtmf_turns_of(turn) * SAMPLE_RATE_HZ / (lag * HOP));
}

static float all_power(const phasor *z, uint32_t looks)
{
	float all = 0.0f;

	for (uint32_t n = 0; n < looks; n++)
		all += power(z[n]);
	return all;
}

bool rc_dtmf_tell_apart(const phasor *z, uint32_t looks, float band_hz, struct pair *pair)
{
	phasor left[RC_DTMF_PAST];

	if (!find_turns(z, looks, band_hz, pair) || !are_apart(pair))
		return false;
	find_strengths(z, looks, pair);
	for (int n = 0; n < TIMES_ANEW; n++) {
		float one_hz = measured_anew(pair->one, pair->other, z, looks);

		pair->other.hz = measured_anew(pair->other, pair->one, z, looks);
		pair->one.hz = one_hz;
		if (!are_apart(pair))
			return false;
		find_strengths(z, looks, pair);
	}
	take_out(pair->one, z, looks, left);
	take_out(pair->other, left, looks, left);
	pair->lack = all_power(left, looks) / all_power(z, looks);
	return true;
}

float rc_dtmf_power_beside(const phasor *z, uint32_t looks, float hz, float beside_hz)
{
	struct pair pair = {.one.hz = hz, .other.hz = beside_hz};

	find_strengths(z, looks, &pair);
	return power(pair.one.middle);
}
