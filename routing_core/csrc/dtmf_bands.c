/* What a digit's detector sees: every 2 ms, the last 6 ms through three bands.
 *
 * The window's middle is where each filter's phase is counted from, so a steady tone's phasor turns
 * by its frequency and by nothing else from one look to the next. Windows are symmetric: mirrored
 * samples are added and subtracted first, which halves the work. All of it is in integers, and done
 * only when somebody asks: most of a call is looked at one hop in eight. */
#include "dtmf.h"
#include "dtmf_tables.h"

static const double PI = 3.14159265358979323846;

static int32_t dot(const int16_t *restrict a, const int16_t *restrict b)
{
	int32_t sum = 0;

	for (int i = 0; i < HALF; i++)
		sum += a[i] * b[i];
	return sum;
}

static void look(struct rc_dtmf_hop *hop, const int16_t *window)
{
	int16_t even[HALF], odd[HALF];

	for (int i = 0; i < HALF; i++) {
		/* halved, so that the sum fits 16 bits */
		int16_t left = (int16_t)(window[i] >> 1);
		int16_t right = (int16_t)(window[WINDOW - 1 - i] >> 1);

		even[i] = (int16_t)(left + right);
		odd[i] = (int16_t)(left - right);
	}

	phasor low = {(float)dot(even, LOW_EVEN), (float)dot(odd, LOW_ODD)};
	phasor middle = {(float)dot(even, MIDDLE_EVEN), (float)dot(odd, MIDDLE_ODD)};
	phasor upper = {(float)dot(even, UPPER_EVEN), (float)dot(odd, UPPER_ODD)};

	hop->upper = power(upper) > power(middle);
	hop->low = low;
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

const struct rc_dtmf_hop *rc_dtmf_hop(struct rc_dtmf *d, uint32_t ago)
{
	struct rc_dtmf_hop *hop = slot(d, ago);

	if (!hop->looked && ago <= LOOKS_IN_REACH)
		look(hop, end_of(d, ago) - WINDOW);
	return hop;
}

float rc_dtmf_energy(struct rc_dtmf *d, uint32_t ago)
{
	struct rc_dtmf_hop *hop = slot(d, ago);

	if (!hop->weighed && ago <= HOPS_IN_REACH)
		weigh(hop, end_of(d, ago) - HOP);
	return (float)hop->energy;
}

float rc_dtmf_kept(float hz, enum group group, bool upper)
{
	float centre = CENTRE_HZ[group == LOW ? 0 : 1 + upper];
	float off = square((hz - centre) / 100.0f);
	float amplitude = DROOP[0] + off * (DROOP[1] + off * (DROOP[2] + off * DROOP[3]));

	/* Half of a sine turns the filter's way, and samples are halved. The mean square is half of
	 * the amplitude's square. */
	return 2.0f * square(amplitude * TAPS_SUM / 4.0f);
}

/* Taylor's series as far as a quarter turn, then the double angle: good to 1e-9. */
phasor rc_dtmf_after_turns(double turns)
{
	double whole = (double)(int64_t)(turns + (turns < 0 ? -0.5 : 0.5));
	double x = (turns - whole) * PI, xx = x * x;
	double sine = 1.0 / 6227020800.0;
	double cosine = -1.0 / 87178291200.0;

	sine = -1.0 / 39916800.0 + xx * sine;
	sine = 1.0 / 362880.0 + xx * sine;
	sine = -1.0 / 5040.0 + xx * sine;
	sine = 1.0 / 120.0 + xx * sine;
	sine = -1.0 / 6.0 + xx * sine;
	sine = x + x * xx * sine;
	cosine = 1.0 / 479001600.0 + xx * cosine;
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
