/* What a digit's detector sees: the last 6 ms through three bands.
 *
 * The window's middle is where each filter's phase is counted from, so a steady tone's phasor turns
 * by its frequency and by nothing else from one look to the next. All of it is in integers, and
 * done only when somebody asks: most of a call is looked at one hop in eight. */
#include "dtmf.h"
#include "dtmf_tables.h"

static const double PI = 3.14159265358979323846;

/* One pass for all three, so that the compiler keeps every sum in a register of its own. */
static void look(struct rc_dtmf_hop *hop, const int16_t *window)
{
	int32_t low_re = 0, low_im = 0, middle_re = 0, middle_im = 0, upper_re = 0, upper_im = 0;

	for (int n = 0; n < WINDOW; n++) {
		low_re += window[n] * LOW_RE[n];
		low_im += window[n] * LOW_IM[n];
		middle_re += window[n] * MIDDLE_RE[n];
		middle_im += window[n] * MIDDLE_IM[n];
		upper_re += window[n] * UPPER_RE[n];
		upper_im += window[n] * UPPER_IM[n];
	}

	phasor middle = {(float)middle_re, (float)middle_im};
	phasor upper = {(float)upper_re, (float)upper_im};

	hop->upper = power(upper) > power(middle);
	hop->low = (phasor){(float)low_re, (float)low_im};
	hop->high = hop->upper ? upper : middle;
	hop->looked = true;
}

static void weigh(struct rc_dtmf_hop *hop, const int16_t *at)
{
	int32_t sum = 0;

	for (int i = 0; i < HOP; i++) {
		int16_t step = (int16_t)((at[i] >> 1) - (at[i - 2] >> 1));

		step = (int16_t)(step >> 2); /* so that the sum fits 32 bits */
		sum += step * step;
	}
	hop->energy = (uint32_t)sum;
	hop->weighed = true;
}

static struct rc_dtmf_hop *slot(struct rc_dtmf *d, uint32_t ago)
{
	uint32_t number = (uint32_t)(d->hops - 1 - ago);
	struct rc_dtmf_hop *hop = &d->past[number % RC_DTMF_PAST];

	if (hop->number != number)
		*hop = (struct rc_dtmf_hop){.number = number};
	return hop;
}

/* The sample after the hop's last. */
static const int16_t *end_of(const struct rc_dtmf *d, uint32_t ago)
{
	uint32_t since = (uint32_t)(d->heard % HOP) + ago * HOP;

	return d->recent + d->filled - since;
}

const struct rc_dtmf_hop *rc_dtmf_look(struct rc_dtmf *d, uint32_t ago)
{
	struct rc_dtmf_hop *hop = slot(d, ago);

	if (ago <= LOOKS_IN_REACH)
		look(hop, end_of(d, ago) - WINDOW);
	return hop;
}

float rc_dtmf_weigh(struct rc_dtmf *d, uint32_t ago)
{
	struct rc_dtmf_hop *hop = slot(d, ago);

	if (ago <= HOPS_IN_REACH)
		weigh(hop, end_of(d, ago) - HOP);
	return (float)hop->energy;
}

float rc_dtmf_band_hz(enum group group, bool upper)
{
	return CENTRE_HZ[group == LOW ? 0 : 1 + upper];
}

float rc_dtmf_kept(float hz, enum group group, bool upper)
{
	float off = square((hz - rc_dtmf_band_hz(group, upper)) / 100.0f);
	float amplitude = DROOP[0] + off * (DROOP[1] + off * (DROOP[2] + off * DROOP[3]));

	/* Half of a sine turns the filter's way; the mean square is half of the amplitude's square.
	 */
	return 2.0f * square(amplitude * TAPS_SUM / 2.0f);
}

/* Taylor's series as far as a quarter turn, then the double angle: good to 1e-7. */
phasor rc_dtmf_after_turns(double turns)
{
	double whole = (double)(int64_t)(turns + (turns < 0 ? -0.5 : 0.5));
	double x = (turns - whole) * PI, xx = x * x;
	double sine = -1.0 / 39916800.0;
	double cosine = 1.0 / 479001600.0;

	sine = 1.0 / 362880.0 + xx * sine;
	sine = -1.0 / 5040.0 + xx * sine;
	sine = 1.0 / 120.0 + xx * sine;
	sine = -1.0 / 6.0 + xx * sine;
	sine = x + x * xx * sine;
	cosine = -1.0 / 3628800.0 + xx * cosine;
	cosine = 1.0 / 40320.0 + xx * cosine;
	cosine = -1.0 / 720.0 + xx * cosine;
	cosine = 1.0 / 24.0 + xx * cosine;
	cosine = -1.0 / 2.0 + xx * cosine;
	cosine = 1.0 + xx * cosine;
	return (phasor){(float)(1.0 - 2.0 * sine * sine), (float)(2.0 * sine * cosine)};
}

/* The arc's series as far as an eighth of a turn's half: good to 1e-7. */
static double small_arc(double tangent)
{
	double tt = tangent * tangent;
	double series = 1.0 / 13.0;

	series = -1.0 / 11.0 + tt * series;
	series = 1.0 / 9.0 + tt * series;
	series = -1.0 / 7.0 + tt * series;
	series = 1.0 / 5.0 + tt * series;
	series = -1.0 / 3.0 + tt * series;
	return (tangent + tangent * tt * series) / (2.0 * PI);
}

double rc_dtmf_turns_of(phasor z)
{
	static const double TAN_PI_8 = 0.41421356237309503;
	double re = z.re < 0 ? -z.re : z.re, im = z.im < 0 ? -z.im : z.im;
	double greater = re > im ? re : im, lesser = re > im ? im : re;

	if (greater <= 0)
		return 0.0;

	double tangent = lesser / greater;
	double turns = tangent > TAN_PI_8 ? 0.125 + small_arc((tangent - 1.0) / (tangent + 1.0))
					  : small_arc(tangent);

	if (im > re)
		turns = 0.25 - turns;
	if (z.re < 0)
		turns = 0.5 - turns;
	return z.im < 0 ? -turns : turns;
}
