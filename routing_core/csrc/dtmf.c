/* In-band DTMF, written from ITU-T Q.23 and Q.24.
 *
 * Each look is a Hann window of 20 ms: its half-amplitude point is its middle, so the place where a
 * tone's amplitude crosses half is where the tone began or ended, whatever the hop grid. A digit is
 * a pair of tones that rose together, have been steady since, are on frequency by their own phase's
 * advance, and leave next to nothing else in the window. Voice fails one of the four. All of one
 * decision is taken afresh from the looks remembered; only the digit now down is state. */
#include <math.h>
#include <string.h>

#include "rc.h"

enum { SIDE = RC_DTMF_TONES / 2, MIDDLE = RC_DTMF_WINDOW / 2 };

static const char DIGITS[SIDE][SIDE] = {
	{'1', '2', '3', 'A'}, {'4', '5', '6', 'B'}, {'7', '8', '9', 'C'}, {'*', '0', '#', 'D'}};

static const float SAMPLE_RATE_HZ = 8000.0f;
static const float TWO_PI = 6.2831853f;

static const float TONE_HZ[RC_DTMF_TONES] = {
	697.0f, 770.0f, 852.0f, 941.0f, 1209.0f, 1336.0f, 1477.0f, 1633.0f};

/* cos and sin of one sample's turn of each tone */
static const float TURN_RE[RC_DTMF_TONES] = {0.85386890f, 0.82264052f, 0.78434349f, 0.73910228f,
	0.58205201f, 0.49818511f, 0.39930919f, 0.28426635f};
static const float TURN_IM[RC_DTMF_TONES] = {0.52048813f, 0.56856185f, 0.62032676f, 0.67359321f,
	0.81315156f, 0.86707070f, 0.91681632f, 0.95874535f};

/* The rising half of 0.5 - 0.5 cos(2 pi (n + 0.5) / 160); the other half mirrors it. */
static const float HANN[MIDDLE] = {0.0000964f, 0.0008672f, 0.0024076f, 0.0047153f, 0.0077867f,
	0.0116171f, 0.0162005f, 0.0215298f, 0.0275970f, 0.0343925f, 0.0419060f, 0.0501259f,
	0.0590394f, 0.0686328f, 0.0788914f, 0.0897993f, 0.1013397f, 0.1134948f, 0.1262458f,
	0.1395732f, 0.1534563f, 0.1678738f, 0.1828034f, 0.1982220f, 0.2141060f, 0.2304308f,
	0.2471713f, 0.2643016f, 0.2817954f, 0.2996256f, 0.3177648f, 0.3361849f, 0.3548577f,
	0.3737542f, 0.3928454f, 0.4121019f, 0.4314938f, 0.4509914f, 0.4705646f, 0.4901832f,
	0.5098168f, 0.5294354f, 0.5490086f, 0.5685062f, 0.5878981f, 0.6071546f, 0.6262458f,
	0.6451423f, 0.6638151f, 0.6822352f, 0.7003744f, 0.7182046f, 0.7356984f, 0.7528287f,
	0.7695692f, 0.7858940f, 0.8017780f, 0.8171966f, 0.8321262f, 0.8465437f, 0.8604268f,
	0.8737542f, 0.8865052f, 0.8986603f, 0.9102007f, 0.9211086f, 0.9313672f, 0.9409606f,
	0.9498741f, 0.9580940f, 0.9656075f, 0.9724030f, 0.9784702f, 0.9837995f, 0.9883829f,
	0.9922133f, 0.9952847f, 0.9975924f, 0.9991328f, 0.9999036f};

/* Q.24 asks for -25 dBm0 per tone and a twist of +4 / -8 dB; ours stand a little outside. */
static const float WEAKEST = 8239.0f;    /* mean square of a tone at -45 dBm0 */
static const float TWIST_MOST = 5.0f;    /* high / low in power: +7 dB */
static const float TWIST_LEAST = 0.089f; /* -10.5 dB */

/* Between the 1.5 % + 2 Hz that must pass and the 3.5 % that must not. */
static const float OFF_FREQUENCY_MOST = 0.024f;

/* What is not the two tones, as a part of their own energy: noise 15 dB under each is 0.016. */
static const float REST_MOST = 0.10f;

/* Of a tone's greatest power since its begin: amplitude 0.9. */
static const float STEADY_LEAST = 0.81f;

static const float RISE_APART_MOST = 56.0f; /* samples between the two tones' begins: 7 ms */
static const float HELD_LEAST = 160.0f;     /* samples from the begin to a look's middle: 20 ms */
static const float SETTLED = MIDDLE + 8.0f; /* samples until a look holds nothing older */

/* 24 ms from the first to the last: holes of 20 ms are bridged, pauses of 30 ms are not. */
static const uint32_t ABSENT_LOOKS = 7;

struct finding {
	char digit;
	uint8_t low, high;
	uint64_t begin_sample;
};

static const struct rc_dtmf_look *look_at(const struct rc_dtmf *d, uint32_t ago)
{
	return &d->past[(d->looks - 1 - ago) % RC_DTMF_PAST];
}

static float tone_power(const struct rc_dtmf *d, uint32_t ago, uint8_t tone)
{
	return look_at(d, ago)->power[tone];
}

static float square(float value)
{
	return value * value;
}

/* Goertzel's recurrence on the windowed samples, eight tones side by side. The energy is that of
 * x[n] - x[n-2], which lets no DC through and little hum. */
static void analyse(const int16_t *recent, struct rc_dtmf_look *look)
{
	float last[RC_DTMF_TONES] = {0}, before[RC_DTMF_TONES] = {0};
	float energy = 0.0f;

	for (size_t n = 0; n < RC_DTMF_WINDOW; n++) {
		float weight = HANN[n < MIDDLE ? n : RC_DTMF_WINDOW - 1 - n];
		float sample = (float)recent[n];

		if (n >= 2)
			energy += weight * square(sample - (float)recent[n - 2]);
		for (size_t t = 0; t < RC_DTMF_TONES; t++) {
			/* This order leaves one product and one sum on the recurrence's path. */
			float next = (weight * sample - before[t]) + 2.0f * TURN_RE[t] * last[t];

			before[t] = last[t];
			last[t] = next;
		}
	}
	look->energy = energy / MIDDLE; /* the window's weights sum to half its length */
	for (size_t t = 0; t < RC_DTMF_TONES; t++) {
		look->re[t] = last[t] - before[t] * TURN_RE[t];
		look->im[t] = before[t] * TURN_IM[t];
		look->power[t] =
			2.0f * (square(look->re[t]) + square(look->im[t])) / (MIDDLE * MIDDLE);
	}
}

/* Nothing loud enough in the window to hold a digit: most of every call, and not worth the
 * recurrence. */
static bool is_quiet(const int16_t *recent)
{
	int64_t energy = 0;

	for (size_t n = 0; n < RC_DTMF_WINDOW; n++)
		energy += (int64_t)recent[n] * recent[n];
	return (float)energy < WEAKEST * MIDDLE;
}

static void take_look(struct rc_dtmf *d)
{
	struct rc_dtmf_look *now = &d->past[d->looks % RC_DTMF_PAST];

	if (is_quiet(d->recent))
		memset(now, 0, sizeof *now);
	else
		analyse(d->recent, now);
	d->looks++;
}

static uint8_t strongest(const struct rc_dtmf_look *look, uint8_t first)
{
	uint8_t best = first;

	for (int t = first + 1; t < first + SIDE; t++)
		if (look->power[t] > look->power[best])
			best = (uint8_t)t;
	return best;
}

/* At least half of the window's energy is in these tones: cheap, and enough to dismiss most voice.
 */
static bool is_mostly(const struct rc_dtmf_look *look, uint8_t low, uint8_t high)
{
	float low_gain = square(2.0f * TURN_IM[low]);
	float high_gain = square(2.0f * TURN_IM[high]);

	return look->power[low] * low_gain + look->power[high] * high_gain >= 0.5f * look->energy;
}

/* How many samples before the newest look's middle this tone's amplitude rose through half;
 * negative when it did not. */
static float risen_ago(const struct rc_dtmf *d, uint8_t tone)
{
	float half = 0.25f * tone_power(d, 0, tone);

	for (uint32_t ago = 1; ago < RC_DTMF_PAST; ago++) {
		float under = tone_power(d, ago, tone);

		if (under < half) {
			float over = tone_power(d, ago - 1, tone);
			float part = (sqrtf(half) - sqrtf(under)) / (sqrtf(over) - sqrtf(under));

			return RC_DTMF_HOP * ((float)ago - part);
		}
	}
	return -1.0f;
}

/* Hz above the tone's nominal frequency, by the phase's advance over the last `span` looks. */
static float off_hz(const struct rc_dtmf *d, uint8_t tone, uint32_t span)
{
	const struct rc_dtmf_look *new = look_at(d, 0), *old = look_at(d, span);
	float re = new->re[tone] * old->re[tone] + new->im[tone] * old->im[tone];
	float im = new->im[tone] * old->re[tone] - new->re[tone] * old->im[tone];
	float seconds = (float)(span * RC_DTMF_HOP) / SAMPLE_RATE_HZ;
	float turned = atan2f(im, re) - TWO_PI * TONE_HZ[tone] * seconds;

	return remainderf(turned, TWO_PI) / (TWO_PI * seconds);
}

/* What the Hann window keeps of the power of a tone this far off its frequency. */
static float kept(float hz)
{
	float bins = hz * RC_DTMF_WINDOW / SAMPLE_RATE_HZ;

	if (fabsf(bins) < 1e-3f)
		return 1.0f;
	float amplitude =
		sinf(0.5f * TWO_PI * bins) / (0.5f * TWO_PI * bins * (1.0f - bins * bins));
	return amplitude * amplitude;
}

/* The energy of a look that holds a tone of this frequency and power 1. */
static float energy_gain(float hz)
{
	return square(2.0f * sinf(TWO_PI * hz / SAMPLE_RATE_HZ));
}

/* Every look of the last `span` holds these two tones, steady, and next to nothing else. */
static bool is_pure(const struct rc_dtmf *d, uint8_t low, uint8_t high, float low_gain,
	float high_gain, uint32_t span)
{
	float low_peak = 0.0f, high_peak = 0.0f;

	for (uint32_t ago = 0; ago <= span; ago++) {
		const struct rc_dtmf_look *look = look_at(d, ago);
		float tones = look->power[low] * low_gain + look->power[high] * high_gain;

		if (look->energy - tones > REST_MOST * tones)
			return false;
		low_peak = fmaxf(low_peak, look->power[low]);
		high_peak = fmaxf(high_peak, look->power[high]);
	}
	return tone_power(d, 0, low) >= STEADY_LEAST * low_peak &&
	       tone_power(d, 0, high) >= STEADY_LEAST * high_peak;
}

static bool find_digit(const struct rc_dtmf *d, struct finding *found)
{
	const struct rc_dtmf_look *now = look_at(d, 0);
	uint8_t low = strongest(now, 0), high = strongest(now, SIDE);

	if (now->power[low] < WEAKEST || now->power[high] < WEAKEST)
		return false;
	if (!is_mostly(now, low, high))
		return false;

	float low_ago = risen_ago(d, low), high_ago = risen_ago(d, high);

	/* Sliding from one key to the next, the tone they share does not begin anew. */
	if (d->digit && low == d->low && high != d->high)
		low_ago = high_ago;
	if (d->digit && high == d->high && low != d->low)
		high_ago = low_ago;

	float held = fminf(low_ago, high_ago);

	if (held < HELD_LEAST || fabsf(low_ago - high_ago) > RISE_APART_MOST)
		return false;

	uint32_t span = (uint32_t)((held - SETTLED) / RC_DTMF_HOP);
	float low_off = off_hz(d, low, span), high_off = off_hz(d, high, span);

	if (fabsf(low_off) > OFF_FREQUENCY_MOST * TONE_HZ[low] ||
		fabsf(high_off) > OFF_FREQUENCY_MOST * TONE_HZ[high])
		return false;

	float low_kept = kept(low_off), high_kept = kept(high_off);
	float twist = now->power[high] * low_kept / (now->power[low] * high_kept);

	float low_gain = energy_gain(TONE_HZ[low] + low_off) / low_kept;
	float high_gain = energy_gain(TONE_HZ[high] + high_off) / high_kept;

	if (twist < TWIST_LEAST || twist > TWIST_MOST)
		return false;
	if (!is_pure(d, low, high, low_gain, high_gain, span))
		return false;

	float ago = MIDDLE + 0.5f * (low_ago + high_ago);

	found->digit = DIGITS[low][high - SIDE];
	found->low = low;
	found->high = high;
	found->begin_sample = (float)d->heard > ago ? d->heard - (uint64_t)ago : 0;
	return true;
}

/* When, between the two newest looks, the digit's amplitude fell through half. */
static uint64_t fallen_sample(const struct rc_dtmf *d)
{
	bool low_fell =
		tone_power(d, 0, d->low) * d->high_power < tone_power(d, 0, d->high) * d->low_power;
	uint8_t tone = low_fell ? d->low : d->high;
	float half = sqrtf(0.25f * (low_fell ? d->low_power : d->high_power));
	float over = sqrtf(tone_power(d, 1, tone)), under = sqrtf(tone_power(d, 0, tone));
	float part =
		over > under ? fminf(1.0f, fmaxf(0.0f, (half - under) / (over - under))) : 0.0f;

	return d->heard - MIDDLE - (uint64_t)(RC_DTMF_HOP * part);
}

static bool is_still_down(const struct rc_dtmf *d)
{
	return tone_power(d, 0, d->low) >= 0.25f * d->low_power &&
	       tone_power(d, 0, d->high) >= 0.25f * d->high_power;
}

static struct rc_dtmf_event ended(struct rc_dtmf *d)
{
	struct rc_dtmf_event event = {.kind = RC_DTMF_ENDED,
		.digit = d->digit,
		.at_sample = d->gone_sample,
		.decided_sample = d->heard};

	d->digit = 0;
	return event;
}

static struct rc_dtmf_event began(struct rc_dtmf *d, const struct finding *found)
{
	d->digit = found->digit;
	d->low = found->low;
	d->high = found->high;
	d->low_power = tone_power(d, 0, found->low);
	d->high_power = tone_power(d, 0, found->high);
	d->absent = 0;
	return (struct rc_dtmf_event){.kind = RC_DTMF_BEGAN,
		.digit = found->digit,
		.at_sample = found->begin_sample,
		.decided_sample = d->heard};
}

/* The digit now down, if any: is it still? */
static void follow(struct rc_dtmf *d)
{
	if (is_still_down(d)) {
		d->absent = 0;
		return;
	}
	if (d->absent == 0)
		d->gone_sample = fallen_sample(d);
	d->absent++;
}

/* One look, at most two events: the old digit's end and the new one's begin. */
static size_t decide(struct rc_dtmf *d, struct rc_dtmf_event events[2])
{
	struct finding found;
	size_t count = 0;

	if (d->digit)
		follow(d);
	if (d->digit && d->absent >= ABSENT_LOOKS)
		events[count++] = ended(d);
	if (!find_digit(d, &found) || found.digit == d->digit)
		return count;
	if (d->digit) {
		if (d->absent == 0)
			d->gone_sample = found.begin_sample;
		events[count++] = ended(d);
	}
	events[count++] = began(d, &found);
	return count;
}

void rc_dtmf_init(struct rc_dtmf *d)
{
	memset(d, 0, sizeof *d);
	d->filled = RC_DTMF_WINDOW - RC_DTMF_HOP; /* silence came before */
}

size_t rc_dtmf_feed(struct rc_dtmf *d, const int16_t *pcm, size_t samples,
	struct rc_dtmf_event *out, size_t room)
{
	size_t written = 0;

	while (samples > 0) {
		size_t part = RC_DTMF_WINDOW - d->filled;

		if (part > samples)
			part = samples;
		memcpy(d->recent + d->filled, pcm, part * sizeof *pcm);
		d->filled += (uint32_t)part;
		d->heard += part;
		pcm += part;
		samples -= part;
		if (d->filled < RC_DTMF_WINDOW)
			break;

		struct rc_dtmf_event events[2];

		take_look(d);
		size_t count = decide(d, events);
		for (size_t i = 0; i < count && written < room; i++)
			out[written++] = events[i];
		d->filled = RC_DTMF_WINDOW - RC_DTMF_HOP;
		memmove(d->recent, d->recent + RC_DTMF_HOP, d->filled * sizeof *d->recent);
	}
	return written;
}
