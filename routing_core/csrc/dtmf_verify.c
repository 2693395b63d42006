/* Whether two tones that rose together are a digit.
 *
 * Frequency comes from the phasors' turn from look to look, over as many looks as the tones have
 * lasted; it is known to 0.5 Hz after 25 ms. What the three ways to a verdict differ in is how they
 * tell a key from a voice that happens to hit two tones:
 *
 * CLEAN  The audio itself is two sines: what is left of it after the best fit is next to nothing.
 * NOISY  What is left is what was there before the tones rose, and no more.
 * ECHOED Speech comes and goes as it likes: several signs are weighed together. Where it stands
 *        beside one of the tones as strong as that, the two are told apart.
 *
 * A voice's harmonics rise slowly, waver, and are seldom in tune twice at once. */
#include "dtmf.h"

enum {
	LOOKS_MOST = 14, /* taken together to measure a tone: 32 ms */

	/* Of the least-squares fit, in samples. */
	FIT_AFTER = 8,  /* the onset may be that much late */
	FIT_MOST = 288, /* 36 ms */
	FIT_LATE = 208, /* 26 ms: all that later tries look at */
	BACKWARDS = 96, /* 12 ms: how far before the onset the fit is drawn out */
	FIT_ROOM = BACKWARDS + FIT_AFTER + FIT_MOST + 8,
	LANES = 8, /* sums are kept in so many parts, for the compiler to do them side by side */

	EARLY_FROM = 198,  /* samples after the refined onset: 24.75 ms; 23 ms must not pass */
	LATE_FROM = 272,   /* 34 ms */
	ECHOED_FROM = 304, /* 38 ms */
	SHAPE_AT = 32,     /* 4 ms before and after the onset, a rise is over and not begun */
};

/* Q.24 asks for 1.5 % + 2 Hz (1.8 % at 697 Hz) and against 3.5 %. */
static const float OFF_MOST_EARLY = 0.024f;
static const float OFF_MOST_LATE = 0.0185f;

/* Q.24 asks for +4 to -8 dB, high to low. In power: */
static const float TWIST_LEAST_CLEAN = 0.0501f; /* -13 dB */
static const float TWIST_MOST_CLEAN = 14.1f;    /* +11.5 dB */
static const float TWIST_LEAST_LATE = 0.0891f;  /* -10.5 dB */
static const float TWIST_MOST_LATE = 5.01f;     /* +7 dB */

/* A tone this pure has the frequency that was measured. */
static const float LACK_MOST_OF_A_FACT = 0.02f;

/* Of the two tones' energy: what may be left after the fit, or beside them in the steps. */
static const float REST_MOST_EARLY = 0.010f; /* noise 18 dB under each tone leaves 0.008 */
static const float REST_MOST_LATE = 0.002f;  /* G.711 leaves 0.0002 */
static const float STEPS_MOST_EARLY = 1.08f;
static const float REST_MOST_TO_FIT = 0.08f;

/* Energy before the onset, as a part of the tones', of a digit tried late: in the last hop, or in
 * 20 ms if it began with a blip. */
static const float AT_ONSET_MOST = 0.1f;
static const float LOUD_MOST_CLEAN = 0.02f;

/* The tones are still there in the last 10, 16 and 24 samples. The fit's own energy in that very
 * stretch is the measure: where the two beat each other down, there is little to be missed. */
static const int TAIL_SAMPLES[] = {10, 16, 24};
static const float TAIL_REST_OF_ITS_OWN = 0.2f;
static const float TAIL_REST_OF_ALL = 0.02f;

/* Of the fit, how much is in the audio from 5 to 1.5 ms before the onset and 1.5 to 5 ms after. */
enum { SHAPE_FROM = 12, SHAPE_SAMPLES = 28 };
static const float SHAPE_BEFORE_MOST = 0.18f;
static const float SHAPE_AFTER_LEAST = 0.84f;

/* Of a digit with a voice beside one of its tones. */
enum {
	RISE_WITHIN = 64,    /* samples: the clear tone rose so near to the onset that was found */
	AWAY_FROM_RISE = 48, /* samples: a look there lies wholly before the rise, or after it */
	LOOKS_BEFORE = 10,
};

/* The clear tone, 4 ms before and after its rise too. */
static const float CLEAR_LACK_MOST = 0.05f;
static const float CLEAR_UNDER_MOST = 0.4f;
static const float CLEAR_OVER_LEAST = 0.85f;
static const float CLEAR_OVER_MOST = 1.2f;

/* Harmonics are in tune by chance: the nearer both must be, the fewer are. */
static const float CROWD_OFF_MOST = 0.003f;
static const float CROWD_TWIST_LEAST = 0.2f;
static const float CROWD_TWIST_MOST = 3.0f;

/* What is neither tone nor voice in their band; what is not the tones, of their energy; and the
 * greatest of 20 ms before. */
static const float CROWD_LACK_MOST = 0.08f;
static const float CROWD_REST_MOST = 0.4f;
static const float CROWD_LOUD_MOST = 0.5f;

/* As parts of the clear tone; what is weaker is the line's noise. */
static const float VOICE_LEAST = 0.01f;
static const float VOICE_MOST = 1.5f;

/* A voice that was there: what there was before the tone is a part of it, and not of the tone. */
static const float FILLED_LEAST = 0.2f;
static const float TONE_BEFORE_MOST = 0.1f;

/* A voice that was not: it is no third tone, which in this band is as loud as the weaker of the two
 * and in another is left over. And it came after the tone, or no voice's tone is so pure. */
static const float NEW_VOICE_MOST = 0.6f;
static const float NOT_YET_FULL_MOST = 0.35f;
static const float PURE_LEFT_MOST = 0.1f;
static const float PURE_LACK_MOST = 0.003f;
static const float PURE_UNDER_MOST = 0.25f;
static const float PURE_OVER_OFF_MOST = 0.08f;

/* Of what a look shows of a tone in its band's middle: 235 Hz beside it. */
static const float KEPT_LEAST = 0.02f;

struct tone {
	float hz;
	float off;   /* from the nearest nominal frequency, as a part of it */
	float power; /* mean square */
	float full;  /* what a look's phasor would have as power were there nothing else */
	float lack;  /* part of the looks' power that does not turn as the tone does */
};

static float greater(float a, float b)
{
	return a > b ? a : b;
}

static float lesser(float a, float b)
{
	return a < b ? a : b;
}

static float root(float value)
{
	return sqrtf(greater(value, 0.0f));
}

/* ---- measuring ---- */

/* The looks' own turn by so many looks, in Hz beyond one that turns them by `expected`. */
static double beyond_hz(const phasor *z, uint32_t looks, uint32_t lag, phasor expected)
{
	phasor turn = {0.0f, 0.0f};

	for (uint32_t n = lag; n < looks; n++)
		turn = sum(turn, turn_to(z[n], z[n - lag]));
	return rc_dtmf_turns_of(turn_to(turn, expected)) * SAMPLE_RATE_HZ / (lag * HOP);
}

/* The looks added up after each is turned back by as much as this frequency has turned it. */
static phasor added_up(const phasor *z, uint32_t looks, double hz)
{
	phasor step = rc_dtmf_after_turns(hz * HOP / SAMPLE_RATE_HZ);
	phasor at = {1.0f, 0.0f}, all = {0.0f, 0.0f};

	for (uint32_t n = 0; n < looks; n++) {
		all = sum(all, turn_to(z[n], at));
		at = turned(at, step);
	}
	return all;
}

static uint8_t nearest(float hz, const float nominal_hz[SIDE])
{
	int best = 0;

	for (int n = 1; n < SIDE; n++)
		if (fabsf(hz / nominal_hz[n] - 1.0f) < fabsf(hz / nominal_hz[best] - 1.0f))
			best = n;
	return (uint8_t)best;
}

/* The tone in one group's newest `looks`; `which` is a guess at it, and put right. */
static struct tone measure(struct rc_dtmf *d, enum group group, uint8_t *which, uint32_t looks)
{
	const float *nominal_hz = group == LOW ? LOW_HZ : HIGH_HZ;
	phasor z[LOOKS_MOST] = {{0.0f, 0.0f}};
	float all = 0.0f;

	for (uint32_t n = 0; n < looks; n++) {
		z[n] = seen(hop_at(d, looks - 1 - n), group);
		all += power(z[n]);
	}

	/* One look's turn tells 500 Hz apart, a long one's is exact. */
	phasor turn = group == LOW ? LOW_TURN[*which] : HIGH_TURN[*which];
	double hz = nominal_hz[*which] + beyond_hz(z, looks, 1, turn);
	uint32_t lag = 2 * (looks - 1) / 3;

	hz += beyond_hz(z, looks, lag, rc_dtmf_after_turns(hz * lag * HOP / SAMPLE_RATE_HZ));
	*which = nearest((float)hz, nominal_hz);

	float coherent = power(added_up(z, looks, hz)) / (float)looks;
	float full = coherent / (float)looks;

	return (struct tone){.hz = (float)hz,
		.off = (float)hz / nominal_hz[*which] - 1.0f,
		.full = full,
		.power = full / rc_dtmf_kept((float)hz, group, hop_at(d, 0)->upper),
		.lack = 1.0f - coherent / all};
}

/* How many looks lie wholly after the onset. */
static uint32_t looks_since(const struct rc_dtmf *d, uint32_t most)
{
	int64_t since = (int64_t)d->hops * HOP - d->candidate.onset_sample;
	uint32_t looks = since < WINDOW ? 0 : (uint32_t)((since - WINDOW) / HOP + 1);

	return looks < most ? looks : most;
}

static bool is_twist_between(float least, float most, struct tone low, struct tone high)
{
	return high.power >= least * low.power && high.power <= most * low.power;
}

/* Tones this pure are what they seem, and may be out of tune or too unlike for good. */
static bool is_no_digit(struct tone low, struct tone high)
{
	if (greater(low.lack, high.lack) > LACK_MOST_OF_A_FACT)
		return false;
	return greater(fabsf(low.off), fabsf(high.off)) > OFF_MOST_EARLY ||
	       !is_twist_between(TWIST_LEAST_CLEAN, TWIST_MOST_CLEAN, low, high);
}

/* What such tones would weigh as a hop's energy. */
static float steps_energy(struct tone low, struct tone high)
{
	float low_turn = rc_dtmf_after_turns(low.hz / SAMPLE_RATE_HZ).im;
	float high_turn = rc_dtmf_after_turns(high.hz / SAMPLE_RATE_HZ).im;

	/* x[n] - x[n-2] makes 2 sin(2 pi f / rate) of a tone's amplitude, an eighth of it is
	 * weighed. */
	return HOP * (low.power * square(low_turn / 4.0f) + high.power * square(high_turn / 4.0f));
}

/* A hop's mean energy, the middle ones counting more: the tones beat against each other. */
static float weighted_energy(struct rc_dtmf *d, uint32_t hops)
{
	float all = 0.0f, weights = 0.0f;

	for (uint32_t n = 0; n < hops; n++) {
		float weight = square(((float)n + 0.5f) * ((float)(hops - n) - 0.5f));

		all += weight * energy_at(d, n);
		weights += weight;
	}
	return all / weights;
}

/* ---- the fit of two sines ---- */

struct wave {
	float cosine[FIT_ROOM], sine[FIT_ROOM];
};

struct fit {
	int before, samples, all; /* samples drawn out backwards, fitted, together */
	struct wave low, high;
	float heard[FIT_ROOM], fitted[FIT_ROOM], rest[FIT_ROOM];
	float energy, rest_energy; /* of the samples fitted */
};

static float product(const float *a, const float *b, int samples)
{
	float part[LANES] = {0.0f};
	int n = 0;

	for (; n + LANES <= samples; n += LANES)
		for (int lane = 0; lane < LANES; lane++)
			part[lane] += a[n + lane] * b[n + lane];
	for (; n < samples; n++)
		part[0] += a[n] * b[n];
	return ((part[0] + part[4]) + (part[1] + part[5])) +
	       ((part[2] + part[6]) + (part[3] + part[7]));
}

/* Every lane is turned on by as many samples as there are lanes. */
static void turn_on(float *restrict cosine, float *restrict sine, phasor step, int samples)
{
	for (int n = 0; n < samples - LANES; n++) {
		cosine[n + LANES] = cosine[n] * step.re - sine[n] * step.im;
		sine[n + LANES] = cosine[n] * step.im + sine[n] * step.re;
	}
}

/* Time runs from the middle of what is fitted, so that all cosines are at right angles to all
 * sines. */
static void make_wave(struct wave *wave, double hz, const struct fit *fit)
{
	double middle = fit->before + 0.5 * (fit->samples - 1);
	phasor one = rc_dtmf_after_turns(hz / SAMPLE_RATE_HZ);
	phasor at = rc_dtmf_after_turns(-hz * middle / SAMPLE_RATE_HZ);

	for (int lane = 0; lane < LANES; lane++) {
		wave->cosine[lane] = at.re;
		wave->sine[lane] = at.im;
		at = turned(at, one);
	}
	turn_on(wave->cosine, wave->sine, rc_dtmf_after_turns(hz * LANES / SAMPLE_RATE_HZ),
		fit->all);
}

/* The sum of so many samples of a cosine, its middle at 0 (Dirichlet's kernel). */
static double sum_of_cosine(double hz, int samples)
{
	double half_turn = hz / (2.0 * SAMPLE_RATE_HZ);

	return (double)rc_dtmf_after_turns(half_turn * samples).im /
	       (double)rc_dtmf_after_turns(half_turn).im;
}

/* The part of each of two waves whose squares and product sum to aa, bb, ab in a sound whose
 * products with them are sa and sb. */
static void solve(double aa, double ab, double bb, double sa, double sb, float *of_a, float *of_b)
{
	double scale = aa * bb - ab * ab;

	*of_a = (float)((sa * bb - sb * ab) / scale);
	*of_b = (float)((sb * aa - sa * ab) / scale);
}

/* Fits the newest samples, and draws the fit out over those before them. */
static void fit_newest(const struct rc_dtmf *d, struct tone low, struct tone high, int before,
	int samples, struct fit *fit)
{
	float lc, ls, hc, hs;

	fit->before = before;
	fit->samples = samples;
	fit->all = before + samples;
	for (int n = 0; n < fit->all; n++)
		fit->heard[n] = d->recent[(int)d->filled - fit->all + n];
	make_wave(&fit->low, low.hz, fit);
	make_wave(&fit->high, high.hz, fit);

	const float *heard = fit->heard + before;
	double twice_low = sum_of_cosine(2.0 * low.hz, samples);
	double twice_high = sum_of_cosine(2.0 * high.hz, samples);
	double apart = sum_of_cosine((double)high.hz - low.hz, samples);
	double together = sum_of_cosine((double)high.hz + low.hz, samples);

	solve(0.5 * (samples + twice_low), 0.5 * (apart + together), 0.5 * (samples + twice_high),
		product(heard, fit->low.cosine + before, samples),
		product(heard, fit->high.cosine + before, samples), &lc, &hc);
	solve(0.5 * (samples - twice_low), 0.5 * (apart - together), 0.5 * (samples - twice_high),
		product(heard, fit->low.sine + before, samples),
		product(heard, fit->high.sine + before, samples), &ls, &hs);
	for (int n = 0; n < fit->all; n++) {
		fit->fitted[n] = (lc * fit->low.cosine[n] + ls * fit->low.sine[n]) +
				 (hc * fit->high.cosine[n] + hs * fit->high.sine[n]);
		fit->rest[n] = fit->heard[n] - fit->fitted[n];
	}
	fit->energy = product(fit->fitted + before, fit->fitted + before, samples);
	fit->rest_energy = product(fit->rest + before, fit->rest + before, samples);
}

static bool lasts_to_the_end(const struct fit *fit)
{
	for (size_t n = 0; n < sizeof TAIL_SAMPLES / sizeof *TAIL_SAMPLES; n++) {
		int samples = TAIL_SAMPLES[n];
		const float *rest = fit->rest + fit->all - samples;
		const float *fitted = fit->fitted + fit->all - samples;
		float usual = fit->energy / (float)fit->samples * (float)samples;

		if (product(rest, rest, samples) >
			TAIL_REST_OF_ITS_OWN * product(fitted, fitted, samples) +
				TAIL_REST_OF_ALL * usual)
			return false;
	}
	return true;
}

/* Where the fit, drawn out backwards, begins to be more than it is less: before the onset it
 * explains nothing and only adds. */
static int find_begin(const struct fit *fit)
{
	float gained = 0.0f, least = 0.0f;
	int begin = 0;

	for (int n = 0; n < fit->before + BACKWARDS / 2; n++) {
		gained += square(fit->heard[n]) - square(fit->rest[n]);
		if (gained < least) {
			least = gained;
			begin = n + 1;
		}
	}
	return begin;
}

static float part_of_fit(const struct fit *fit, int from)
{
	return product(fit->heard + from, fit->fitted + from, SHAPE_SAMPLES) /
	       product(fit->fitted + from, fit->fitted + from, SHAPE_SAMPLES);
}

static bool rises_at(const struct fit *fit, int begin)
{
	int before = begin - SHAPE_FROM - SHAPE_SAMPLES, after = begin + SHAPE_FROM;

	return before >= 0 && part_of_fit(fit, before) <= SHAPE_BEFORE_MOST &&
	       part_of_fit(fit, after) >= SHAPE_AFTER_LEAST;
}

/* ---- early: clean, 25 ms after the onset ---- */

static enum verdict judge_fit(
	struct rc_dtmf *d, struct tone low, struct tone high, int samples, float *rest)
{
	struct rc_dtmf_candidate *candidate = &d->candidate;
	struct fit fit;

	fit_newest(d, low, high, FIT_AFTER + BACKWARDS, samples, &fit);
	*rest = fit.rest_energy / fit.energy;
	if (*rest > REST_MOST_EARLY || !lasts_to_the_end(&fit))
		return NOT_YET;

	int begin = find_begin(&fit);
	int64_t onset_sample = (int64_t)d->heard - (fit.all - begin);

	if ((int64_t)d->heard < onset_sample + EARLY_FROM) {
		candidate->try_sample = (uint64_t)(onset_sample + EARLY_FROM);
		candidate->is_early = true;
		return NOT_YET;
	}
	if (!rises_at(&fit, begin))
		return NOT_YET;
	candidate->onset_sample = onset_sample;
	return DIGIT;
}

struct finding rc_dtmf_judge_early(struct rc_dtmf *d)
{
	struct rc_dtmf_candidate *candidate = &d->candidate;
	struct finding found = {.verdict = NOT_YET, .mode = RC_DTMF_CLEAN};
	int samples = (int)((int64_t)d->heard - candidate->onset_sample) - FIT_AFTER;
	uint32_t looks = looks_since(d, LOOKS_MOST);
	struct tone high = measure(d, HIGH, &candidate->high, looks);
	struct tone low = measure(d, LOW, &candidate->low, looks);

	if (is_no_digit(low, high))
		found.verdict = NEVER;
	if (greater(fabsf(low.off), fabsf(high.off)) > OFF_MOST_EARLY ||
		!is_twist_between(TWIST_LEAST_CLEAN, TWIST_MOST_CLEAN, low, high))
		return found;
	if (weighted_energy(d, looks) > STEPS_MOST_EARLY * steps_energy(low, high))
		return found;
	found.low_hz = low.hz;
	found.high_hz = high.hz;
	found.verdict =
		judge_fit(d, low, high, samples < FIT_MOST ? samples : FIT_MOST, &found.rest);
	return found;
}

/* ---- late ---- */

/* One group's tone beside what was there before it: amplitudes and powers as parts of its own. */
struct rise {
	float before; /* mean power in the band in the 20 ms before the onset */
	float under;  /* amplitude 4 ms before the onset */
	float over;   /* amplitude 4 ms after it */
	float now;    /* power in the newest look */
};

struct evidence {
	struct tone low, high;
	struct rise low_rise, high_rise;
	float off;       /* the worse tone's */
	float rest;      /* energy that is not the tones', as a part of theirs */
	float loud;      /* energy before the onset: the mean of 20 ms */
	float loud_most; /* and the greatest such mean in the 60 ms before it */
	float at_onset;  /* and of the last hop before it */
	int64_t age;     /* samples since the onset */
};

/* Amplitude of one band at a sample, between the looks whose middles are on either side. */
static float amplitude_at(struct rc_dtmf *d, enum group group, int64_t sample)
{
	uint32_t back = (uint32_t)((int64_t)d->hops * HOP - HALF - sample);
	float part = (float)(back % HOP) / HOP;
	float newer = sqrtf(seen_power(d, group, back / HOP));
	float older = sqrtf(seen_power(d, group, back / HOP + 1));

	return newer + part * (older - newer);
}

static struct rise rise_of(struct rc_dtmf *d, enum group group, struct tone tone)
{
	const struct rc_dtmf_candidate *candidate = &d->candidate;
	float before = group == LOW ? candidate->low_before : candidate->high_before;
	float full = sqrtf(tone.full);

	return (struct rise){.before = before / tone.full,
		.under = amplitude_at(d, group, candidate->onset_sample - SHAPE_AT) / full,
		.over = amplitude_at(d, group, candidate->onset_sample + SHAPE_AT) / full,
		.now = seen_power(d, group, 0) / tone.full};
}

static struct evidence gather(struct rc_dtmf *d, struct tone low, struct tone high, uint32_t looks)
{
	const struct rc_dtmf_candidate *candidate = &d->candidate;
	float energy = steps_energy(low, high);

	return (struct evidence){.low = low,
		.high = high,
		.low_rise = rise_of(d, LOW, low),
		.high_rise = rise_of(d, HIGH, high),
		.off = greater(fabsf(low.off), fabsf(high.off)),
		/* A look's window reaches two hops further back than its own. */
		.rest = weighted_energy(d, looks + 2) / energy - 1.0f,
		.loud = candidate->energy_before / energy,
		.loud_most = candidate->energy_before_most / energy,
		.at_onset = candidate->energy_at_onset / energy,
		.age = (int64_t)d->hops * HOP - candidate->onset_sample};
}

/* A slow rise, a hole or a jump of the phase spoilt the first try: now only the last 26 ms count,
 * but they must be purer. */
static bool is_clean(const struct rc_dtmf *d, const struct evidence *e, float *rest)
{
	struct fit fit;

	if (e->rest > REST_MOST_TO_FIT || greater(e->low.lack, e->high.lack) > LACK_MOST_OF_A_FACT)
		return false;
	if (!d->candidate.slid && e->at_onset > AT_ONSET_MOST && e->loud > LOUD_MOST_CLEAN)
		return false;
	fit_newest(d, e->low, e->high, 0, FIT_LATE, &fit);
	*rest = fit.rest_energy / fit.energy;
	return *rest <= REST_MOST_LATE && lasts_to_the_end(&fit);
}

/* What a band lacks of purity is what noise there was in it, and its tone rose at once. Noise that
 * is in a band is everywhere else too: a voice's last vowel is not. */
static bool rose_from_noise(struct tone tone, struct rise rise, float loud, float lack_most)
{
	float before = lesser(rise.before, 0.5f * loud);
	/* Noise 6 dB under the tone in the whole band is 0.03 in ours, and doubles by chance. */
	float noise = sqrtf(lesser(before, 0.03f)), more = sqrtf(lesser(before, 0.05f));

	return rise.before <= 0.12f && rise.now > 0.6f &&
	       tone.lack <= lesser(0.004f + 4.5f * before, lack_most) &&
	       rise.over >= 0.88f - 1.6f * noise && rise.under <= 0.2f + 1.5f * more;
}

static bool is_noisy(const struct evidence *e)
{
	/* Only tones are ever as loud as half of a digit, and they leave its bands pure. */
	float lack_most = e->loud > 0.5f ? 0.02f : 0.065f;

	return e->rest <= 0.03f + 1.8f * e->loud &&
	       rose_from_noise(e->low, e->low_rise, e->loud, lack_most) &&
	       rose_from_noise(e->high, e->high_rise, e->loud, lack_most);
}

/* Speech is strongest below 1 kHz: the high tone must be pure and rise from nothing, both must be
 * in tune, and the background may be loud but not of late. The weights were found by logistic
 * regression: digits over speech 6 to 12 dB below them, against speech in five languages and
 * synthetic vowels. */
static bool is_echoed(const struct evidence *e)
{
	const struct rise *low = &e->low_rise, *high = &e->high_rise;
	float score = 5.0f;

	if (low->now <= 0.5f || high->now <= 0.5f)
		return false;
	if (e->rest >= 0.12f + e->loud || greater(e->low.lack, e->high.lack) >= 0.3f)
		return false;
	score -= 892.0f * e->off;
	score -= 9.6f * root(e->high.lack);
	score += 6.8f * root(e->low.lack);
	score -= 5.2f * lesser(high->under, 1.0f);
	score -= 9.8f * lesser(low->under, 1.0f);
	score += 4.7f * root(lesser(high->before, 0.3f));
	score += 12.2f * root(lesser(low->before, 0.3f));
	score -= 7.4f * lesser(fabsf(high->over - 1.0f), 0.6f);
	score -= 4.1f * lesser(fabsf(low->over - 1.0f), 0.6f);
	score -= 14.7f * lesser(greater(e->rest, -0.05f), 0.5f);
	score += 12.7f * root(lesser(e->loud, 1.0f));
	score -= 9.0f * root(lesser(e->loud_most, 2.0f));
	return score > 0.0f;
}

/* ---- a voice beside one of the tones ---- */

/* One tone is clear. In the other one's band a voice's harmonic stands beside it, so that neither
 * how the band turns nor how strong it is says anything of the tone. Sounds in the crowded band are
 * parts of the clear tone. */
struct crowd {
	enum group clear, crowded;
	struct tone tone;    /* the clear one */
	int64_t rise_sample; /* of it, */
	float under, over;   /* and its amplitude 4 ms before and after, as a part of it */
	struct sound beside; /* the other tone */
	struct sound voice;
};

/* So many looks of the crowded band, oldest first. */
static void copy_looks(
	struct rc_dtmf *d, const struct crowd *crowd, uint32_t ago, uint32_t looks, phasor *z)
{
	float part = 1.0f / sqrtf(crowd->tone.full);

	for (uint32_t n = 0; n < looks; n++) {
		phasor look = seen(hop_at(d, ago + looks - 1 - n), crowd->crowded);

		z[n] = (phasor){look.re * part, look.im * part};
	}
}

/* The look whose middle is nearest to a sample. */
static uint32_t look_nearest(const struct rc_dtmf *d, int64_t sample)
{
	return (uint32_t)(((int64_t)d->hops * HOP - HALF - sample + HOP / 2) / HOP);
}

/* Where the clear tone rose through half of its amplitude. */
static bool find_rise(struct rc_dtmf *d, struct crowd *crowd)
{
	float half = 0.5f * sqrtf(crowd->tone.full);
	uint32_t ago = look_nearest(d, d->candidate.onset_sample + RISE_WITHIN);
	uint32_t last = ago + 2 * RISE_WITHIN / HOP;

	while (ago < last && sqrtf(seen_power(d, crowd->clear, ago + 1)) >= half)
		ago++;

	float over = sqrtf(seen_power(d, crowd->clear, ago));
	float under = sqrtf(seen_power(d, crowd->clear, ago + 1));

	if (over < half || under >= half)
		return false;

	int64_t middle = (int64_t)d->hops * HOP - HALF - (int64_t)ago * HOP;

	crowd->rise_sample = middle - (int64_t)((over - half) / (over - under) * HOP);
	return true;
}

static bool rises_clearly(struct rc_dtmf *d, struct crowd *crowd)
{
	float full = sqrtf(crowd->tone.full);

	if (!find_rise(d, crowd))
		return false;
	crowd->under = amplitude_at(d, crowd->clear, crowd->rise_sample - SHAPE_AT) / full;
	crowd->over = amplitude_at(d, crowd->clear, crowd->rise_sample + SHAPE_AT) / full;
	return crowd->under < CLEAR_UNDER_MOST && crowd->over > CLEAR_OVER_LEAST &&
	       crowd->over < CLEAR_OVER_MOST;
}

static bool voice_was_there(struct rc_dtmf *d, const struct crowd *crowd)
{
	phasor look;

	copy_looks(d, crowd, look_nearest(d, crowd->rise_sample - AWAY_FROM_RISE), 1, &look);
	return power(look) > FILLED_LEAST * greater(power(crowd->voice.middle), VOICE_LEAST);
}

static bool tone_was_there(struct rc_dtmf *d, const struct crowd *crowd)
{
	phasor z[LOOKS_BEFORE];
	int64_t since = (int64_t)d->hops * HOP - d->candidate.onset_sample;

	copy_looks(d, crowd, (uint32_t)((since + HALF) / HOP), LOOKS_BEFORE, z);
	return rc_dtmf_power_beside(z, LOOKS_BEFORE, crowd->beside.hz, crowd->voice.hz) >
	       TONE_BEFORE_MOST * power(crowd->beside.middle);
}

/* In the first look after the rise the band held the tone, and little else. */
static bool voice_came_after(struct rc_dtmf *d, const struct crowd *crowd)
{
	uint32_t ago = look_nearest(d, crowd->rise_sample + AWAY_FROM_RISE);
	double turns = crowd->beside.hz * (0.5 * (LOOKS_MOST - 1) - ago) * HOP / SAMPLE_RATE_HZ;
	phasor then = turned(crowd->beside.middle, rc_dtmf_after_turns(turns)), look;
	float voice = power(crowd->voice.middle);

	copy_looks(d, crowd, ago, 1, &look);
	return voice > VOICE_LEAST &&
	       power((phasor){look.re - then.re, look.im - then.im}) < NOT_YET_FULL_MOST * voice;
}

static bool is_too_pure_for_a_voice(const struct crowd *crowd, float left)
{
	return left < PURE_LEFT_MOST && crowd->tone.lack < PURE_LACK_MOST &&
	       crowd->under < PURE_UNDER_MOST && fabsf(crowd->over - 1.0f) < PURE_OVER_OFF_MOST;
}

/* Far beside a band, where it shows next to nothing, no more is made of that than at its edge. */
static struct tone tone_of(struct rc_dtmf *d, const struct crowd *crowd, struct sound sound)
{
	bool upper = hop_at(d, 0)->upper;
	float whole = rc_dtmf_kept(rc_dtmf_band_hz(crowd->crowded, upper), crowd->crowded, upper);
	float kept = rc_dtmf_kept(sound.hz, crowd->crowded, upper);

	return (struct tone){.hz = sound.hz,
		.power =
			power(sound.middle) * crowd->tone.full / greater(kept, KEPT_LEAST * whole)};
}

/* All of a vowel comes at once; a key and a voice do not, but by chance. */
static bool came_apart(
	struct rc_dtmf *d, const struct crowd *crowd, struct tone low, struct tone high, float rest)
{
	struct tone third = tone_of(d, crowd, crowd->voice), none = {.power = 0.0f};
	float left = rest - steps_energy(third, none) / steps_energy(low, high);

	if (voice_was_there(d, crowd))
		return !tone_was_there(d, crowd);
	return third.power < NEW_VOICE_MOST * lesser(low.power, high.power) &&
	       (is_too_pure_for_a_voice(crowd, left) || voice_came_after(d, crowd));
}

/* The one of the two sounds is a key's tone and the other a voice, or not. */
static bool is_key_beside_voice(struct rc_dtmf *d, const struct crowd *crowd, struct finding *found)
{
	struct rc_dtmf_candidate *candidate = &d->candidate;
	bool is_low = crowd->crowded == LOW;
	const float *nominal_hz = is_low ? LOW_HZ : HIGH_HZ;
	uint8_t which = nearest(crowd->beside.hz, nominal_hz);
	struct tone beside = tone_of(d, crowd, crowd->beside);
	struct tone low = is_low ? beside : crowd->tone, high = is_low ? crowd->tone : beside;
	float energy = steps_energy(low, high);
	/* A look's window reaches two hops further back than its own. */
	float rest = weighted_energy(d, LOOKS_MOST + 2) / energy - 1.0f;

	if (fabsf(beside.hz / nominal_hz[which] - 1.0f) > CROWD_OFF_MOST ||
		!is_twist_between(CROWD_TWIST_LEAST, CROWD_TWIST_MOST, low, high))
		return false;
	if (rest > CROWD_REST_MOST || power(crowd->voice.middle) > VOICE_MOST ||
		candidate->energy_before_most > CROWD_LOUD_MOST * energy ||
		!came_apart(d, crowd, low, high, rest))
		return false;
	*(is_low ? &candidate->low : &candidate->high) = which;
	candidate->onset_sample = crowd->rise_sample;
	*found = (struct finding){.verdict = DIGIT,
		.mode = RC_DTMF_ECHOED,
		.rest = rest,
		.low_hz = low.hz,
		.high_hz = high.hz,
		.low_crowded = is_low,
		.high_crowded = !is_low};
	return true;
}

/* All looks were through the same of the high tones' two bands. */
static bool is_one_band(struct rc_dtmf *d)
{
	for (uint32_t ago = 1; ago < LOOKS_MOST; ago++)
		if (hop_at(d, ago)->upper != hop_at(d, 0)->upper)
			return false;
	return true;
}

static bool judge_beside_voice(
	struct rc_dtmf *d, enum group clear, struct tone tone, struct finding *found)
{
	struct crowd crowd = {.clear = clear, .crowded = clear == LOW ? HIGH : LOW, .tone = tone};
	phasor z[LOOKS_MOST];
	struct pair pair;

	if (tone.lack > CLEAR_LACK_MOST || fabsf(tone.off) > CROWD_OFF_MOST)
		return false;
	if (!rises_clearly(d, &crowd) || (clear == LOW && !is_one_band(d)))
		return false;

	float band_hz = rc_dtmf_band_hz(crowd.crowded, hop_at(d, 0)->upper);

	copy_looks(d, &crowd, 0, LOOKS_MOST, z);
	if (!rc_dtmf_tell_apart(z, LOOKS_MOST, band_hz, &pair) || pair.lack > CROWD_LACK_MOST)
		return false;
	crowd.beside = pair.one;
	crowd.voice = pair.other;
	if (is_key_beside_voice(d, &crowd, found))
		return true;
	crowd.beside = pair.other;
	crowd.voice = pair.one;
	return is_key_beside_voice(d, &crowd, found);
}

/* What the tones may be believed in; 0 for nothing. */
static uint8_t mode_of(const struct rc_dtmf *d, const struct evidence *e, float *rest)
{
	if (d->modes & RC_DTMF_CLEAN && is_clean(d, e, rest))
		return RC_DTMF_CLEAN;
	if (d->candidate.slid ||
		!is_twist_between(TWIST_LEAST_LATE, TWIST_MOST_LATE, e->low, e->high))
		return 0;
	if (d->modes & RC_DTMF_NOISY && is_noisy(e))
		return RC_DTMF_NOISY;
	if (d->modes & RC_DTMF_ECHOED && e->age >= ECHOED_FROM && is_echoed(e))
		return RC_DTMF_ECHOED;
	return 0;
}

/* In tune both, and not too unlike. */
static bool may_be_digit(struct tone low, struct tone high)
{
	return greater(fabsf(low.off), fabsf(high.off)) <= OFF_MOST_LATE &&
	       is_twist_between(TWIST_LEAST_CLEAN, TWIST_MOST_CLEAN, low, high);
}

struct finding rc_dtmf_judge_late(struct rc_dtmf *d)
{
	struct rc_dtmf_candidate *candidate = &d->candidate;
	struct finding found = {.verdict = NOT_YET};

	if ((int64_t)d->hops * HOP - candidate->onset_sample < LATE_FROM)
		return found;

	uint32_t looks = looks_since(d, LOOKS_MOST);
	struct tone high = measure(d, HIGH, &candidate->high, looks);
	struct tone low = measure(d, LOW, &candidate->low, looks);

	if (is_no_digit(low, high)) {
		found.verdict = NEVER;
		return found;
	}
	if (may_be_digit(low, high)) {
		struct evidence e = gather(d, low, high, looks);

		found.rest = e.rest;
		found.low_hz = low.hz;
		found.high_hz = high.hz;
		found.mode = mode_of(d, &e, &found.rest);
		if (found.mode) {
			found.verdict = DIGIT;
			return found;
		}
	}
	if (d->modes & RC_DTMF_ECHOED && !candidate->slid && looks == LOOKS_MOST &&
		!judge_beside_voice(d, HIGH, high, &found))
		judge_beside_voice(d, LOW, low, &found);
	return found;
}
