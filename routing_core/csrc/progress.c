/* Call progress, written from ITU-T E.180/Q.35, T.30, V.25 and the North American precise tone
 * plan.
 *
 * A look is a Hann window of 20 ms in integers, folded about its middle, and one complex filter for
 * each frequency of the table. A chord (a burst's frequencies) sounds while next to all energy
 * above 150 Hz is in its filters and their phases turn as its frequencies ask: that, not the
 * filters, is how narrow they are. Sums over five looks bridge the beats of frequencies 25 Hz
 * apart. Tracks make bursts of what sounds, with edges to a few ms; tones are bursts and silences
 * in the right order and of the right lengths. Speech and music fail by their edges, their silences
 * or their purity.
 *
 * Filters and their products are exact integers; what follows is plain double arithmetic and square
 * roots, which IEEE 754 defines to the bit. No library function decides anything. */
#include <math.h>
#include <string.h>

#include "rc.h"

enum {
	WINDOW = RC_PROGRESS_WINDOW,
	HALF = WINDOW / 2,
	HOP = RC_PROGRESS_HOP,
	SMOOTH = RC_PROGRESS_SMOOTH,
	PAST = RC_PROGRESS_PAST,

	/* Bits taken off the filters' sums, so that 64 bits hold sums of their products. */
	SCALED = 10,

	/* Samples from the middle of the smoothed looks, and of the beep's, to now. */
	MIDDLE = HALF + (SMOOTH - 1) * HOP / 2,
	LAGS_MIDDLE = SMOOTH * HOP / 2,
};

static const double PER_MS = 8.0; /* samples */

/* Sums of Hann's weights and of their squares, over the window. */
static const double WEIGHTS = 80.0, SQUARES = 60.0;

/* Energies are in squares of a windowed sample. A folded sample is a quarter of a windowed pair. */
static const double FROM_FOLDED = 8.0;

static const double DBM0_0 = 22827.0 * 22827.0 / 2.0; /* mean square of 0 dBm0 */
static const double FAINTEST_BEEP = 1e-4;             /* of it: -40 dBm0 */
static const double HUSH = 1e-5;                      /* -50 dBm0 is quiet on any line */
static const double IDLE = 3e-6;                      /* below -55 nothing is looked for */

/* Of the energy, in the chord: noise to 6 dB under it; and while it is on, packets lost. */
static const double PUREST = 0.8, PURE_STILL = 0.6;
static const double STEADY_STILL = 0.7; /* of the coherence asked for, while it is on */
static const double TWIST = 0.05;       /* of the chord's power: the least a frequency may have */
static const double QUIET_PART = 0.16;  /* of a burst's power: -8 dB, for noise 15 dB under it */

/* In looks. */
enum {
	SETTLED = 7,    /* until the smoothed ones lie wholly in a burst */
	ABSENT = 8,     /* in a row make an end: holes of 60 ms do not */
	SHARP = 4,      /* before its half, a burst was quiet */
	HUSHED_BY = 10, /* a burst has died away */
	LOUD_MOST = 9,  /* of a gap, spoilt by edges and clicks */
	WAKING = 4,     /* in a row end a silence: a click does not */
};

/* Samples: how near are bursts with no silence between, and how far may any duration be off besides
 * its part? */
static const uint64_t JOINED = 60ULL * 8;
static const double SLACK = 15.0 * 8.0;

/* The beep: a burst of one frequency, whichever, between these two. */
static const double BEEP_LOWEST_TURN = 0.9557;   /* cos at 380 Hz */
static const double BEEP_HIGHEST_TURN = -0.0158; /* at 2020 Hz */
static const double BEEP_SPREAD = 0.12;          /* twice the variance of the cosine: noise */
enum {
	LAGS = 3,
	SHIFTED = 4,    /* bits off the samples, so that 32 bits hold sums of their products */
	NOTED_LATE = 4, /* looks: its end does not touch the level noted */
};

/* How far a beep may stray, and how much farther for its part of noise: its spread, the cosine of
 * its frequency from least to most, and its power from least to most. */
static const double BEEP_NOISIEST = 0.035; /* of its power: 15 dB under it, and a little */
static const double BEEP_IMPURE = 0.003, BEEP_IMPURE_NOISE = 3.5;
static const double BEEP_DRIFT = 0.01, BEEP_DRIFT_NOISE = 0.8;
static const double BEEP_WANDER = 1.18, BEEP_WANDER_NOISE = 4.5;

/* Samples. The pure end of a word lasts up to 140 ms. */
static const uint64_t BEEP_SHORTEST = 140ULL * 8, BEEP_LONGEST = 1600ULL * 8,
		      BEEP_HUSH = 400ULL * 8;

/* The line's noise, learned as rc_voice learns it: at once downward, upward 2 dB a second. */
static const double NOISE_RISE = 1.0037;
static const double NOISE_LOWEST = 1e-6, NOISE_HIGHEST = 3e-4; /* -60 and -35 dBm0 */
static const double SILENT_UNDER = 4.0;                        /* times the noise: 6 dB */

static double square(double value)
{
	return value * value;
}

/* ---- one look ---- */

/* The windowed look as its even and odd halves about the middle: half the work for every filter. */
struct folded {
	int16_t even[HALF];
	int16_t odd[HALF];
};

static void fold(const int16_t *window, const int16_t *hann, struct folded *folded)
{
	for (size_t n = 0; n < HALF; n++) {
		int16_t early = (int16_t)(window[n] >> 1);
		int16_t late = (int16_t)(window[WINDOW - 1 - n] >> 1);

		folded->even[n] = (int16_t)(((int16_t)(early + late) * hann[n]) >> 16);
		folded->odd[n] = (int16_t)(((int16_t)(early - late) * hann[n]) >> 16);
	}
}

static int32_t product(const int16_t *samples, const int16_t *weights)
{
	int32_t sum = 0;

	for (size_t n = 0; n < HALF; n++)
		sum += samples[n] * weights[n];
	return sum;
}

static double energy_of(const struct folded *folded)
{
	int64_t sum = 0;

	for (size_t n = 0; n < HALF; n++)
		sum += folded->even[n] * folded->even[n] + folded->odd[n] * folded->odd[n];
	return FROM_FOLDED * (double)sum;
}

/* What of the window's energy lies at 0, 50 and 100 Hz, by Parseval's theorem over its bins. */
static double low_energy(const struct rc_progress_table *table, const struct folded *folded)
{
	double sum = 0.0;

	for (size_t n = 0; n < RC_PROGRESS_LOW; n++) {
		double bins = n == 0 ? 1.0 : 2.0; /* at minus 50 Hz is as much as at plus 50 */

		sum += bins * (square((double)product(folded->even, table->low[n].cosine)) +
				      square((double)product(folded->odd, table->low[n].sine)));
	}
	return sum * square(4.0 / RC_PROGRESS_PEAK) / WINDOW;
}

/* Energy of a tone in the middle of a filter, for one unit of the filter's scaled power. */
static double energy_per_power(void)
{
	return square(4.0 * (double)(1 << SCALED) / RC_PROGRESS_PEAK) * 2.0 * SQUARES /
	       square(WEIGHTS);
}

static void filter(
	struct rc_progress *p, const struct rc_progress_table *table, const struct folded *folded)
{
	size_t slot = p->looks % SMOOTH;

	for (uint32_t n = 0; n < table->bands; n++) {
		const struct rc_progress_band *band = &table->band[n];
		int64_t re = product(folded->even, band->cosine) >> SCALED;
		int64_t im = -product(folded->odd, band->sine) >> SCALED;

		p->turned_re[n][slot] = re * p->re[n] + im * p->im[n];
		p->turned_im[n][slot] = im * p->re[n] - re * p->im[n];
		p->power[n][slot] = re * re + im * im;
		p->re[n] = (int32_t)re;
		p->im[n] = (int32_t)im;
	}
}

static void filter_nothing(struct rc_progress *p, const struct rc_progress_table *table)
{
	size_t slot = p->looks % SMOOTH;

	for (uint32_t n = 0; n < table->bands; n++) {
		p->turned_re[n][slot] = p->turned_im[n][slot] = p->power[n][slot] = 0;
		p->re[n] = p->im[n] = 0;
	}
}

/* The newest hop's products with itself, one and two samples earlier, in 12 bits. */
static void correlate(struct rc_progress *p)
{
	const int16_t *newest = p->recent + WINDOW - HOP;
	int32_t sum[LAGS] = {0};

	for (ptrdiff_t n = 0; n < HOP; n++)
		for (ptrdiff_t lag = 0; lag < LAGS; lag++)
			sum[lag] += (newest[n] >> SHIFTED) * (newest[n - lag] >> SHIFTED);
	for (size_t lag = 0; lag < LAGS; lag++)
		p->lag[lag][p->looks % SMOOTH] = sum[lag];
}

static int64_t smoothed(const int64_t looks[SMOOTH])
{
	int64_t sum = 0;

	for (size_t n = 0; n < SMOOTH; n++)
		sum += looks[n];
	return sum;
}

/* A mean square as an energy of all the smoothed looks. */
static double as_energy(double mean_square)
{
	return mean_square * SQUARES * SMOOTH;
}

/* Takes in one look and returns the energy of it above 150 Hz. */
static double take_look(struct rc_progress *p, const struct rc_progress_table *table)
{
	struct folded folded;

	fold(p->recent, table->hann, &folded);
	for (uint32_t n = 0; n < table->bands; n++)
		p->earlier[n] = (double)smoothed(p->power[n]);

	double energy = energy_of(&folded);
	double heard = fmax(0.0, energy - low_energy(table, &folded));

	if (heard < IDLE * DBM0_0 * SQUARES)
		filter_nothing(p, table);
	else
		filter(p, table, &folded);
	p->energy[p->looks % SMOOTH] = heard;
	if (p->hears_beeps)
		correlate(p);
	p->looks++;
	return heard;
}

/* ---- chords ---- */

/* What a filter loses of a tone off its middle, made good: Hann's shape as a polynomial of the
 * cosine of the phase that one hop turns too far. To 4 % at 50 Hz, where it is fivefold. */
static double made_good(double turn_cosine)
{
	double u = 1.0 - fmax(-0.9, turn_cosine);

	return 1.0 + u * (0.57263 + u * (-1.05088 + u * (2.76174 + u * (-2.30955 + u * 0.71380))));
}

/* Power in one band of a chord, as energy and made good; 0 when it is not the chord's. */
static double band_energy(const struct rc_progress *p, const struct rc_progress_table *table,
	const struct rc_progress_chord *chord, uint32_t n, double steady)
{
	uint32_t at = chord->band[n];
	const struct rc_progress_band *band = &table->band[at];
	double power = (double)smoothed(p->power[at]);
	double re = (double)smoothed(p->turned_re[at]), im = (double)smoothed(p->turned_im[at]);
	double beside_re = re * band->turn_re + im * band->turn_im;
	double beside_im = im * band->turn_re - re * band->turn_im;
	double together = sqrt(square(beside_re) + square(beside_im));
	double pairs = 0.5 * (power + p->earlier[at]); /* a product has a look of either */

	if (power <= 0.0 || together < steady * chord->least[n] * pairs)
		return 0.0;
	if (together > chord->steadiest[n] * pairs || beside_re < chord->widest[n] * together)
		return 0.0;
	return power * made_good(beside_re / pairs) * energy_per_power();
}

static double raw_energy(const struct rc_progress *p, const struct rc_progress_chord *chord)
{
	double sum = 0.0;

	for (uint32_t n = 0; n < chord->bands; n++)
		sum += (double)smoothed(p->power[chord->band[n]]);
	return sum * energy_per_power();
}

/* The chord and next to nothing else is what has been heard of late. */
static bool is_sounding(const struct rc_progress *p, const struct rc_progress_table *table,
	const struct rc_progress_chord *chord, double energy, bool still)
{
	double pure = still ? PURE_STILL : PUREST, steady = still ? STEADY_STILL : 1.0;
	double sum = 0.0, least = 0.0;

	for (uint32_t n = 0; n < chord->bands; n++) {
		double part = band_energy(p, table, chord, n, steady);

		if (part <= 0.0)
			return false;
		least = n == 0 ? part : fmin(least, part);
		sum += part;
	}
	return sum >= pure * energy && least >= TWIST * sum;
}

/* ---- bursts ---- */

static uint64_t ago(const struct rc_progress *p, double samples)
{
	return (double)p->heard > samples ? p->heard - (uint64_t)samples : 0;
}

/* A burst has sounded long enough for its height to be known: when did it rise through half? */
static void begin(
	struct rc_progress *p, struct rc_progress_track *track, double height, uint32_t middle)
{
	uint32_t back = 1;

	track->gap_clean = track->plateau == 0.0 || (track->hushed && track->gap_loud <= LOUD_MOST);
	track->plateau = track->plateau_sum = height;
	track->plateau_looks = 1;
	while (back < PAST && track->power[(p->looks - 1 - back) % PAST] >= 0.5 * height)
		back++;

	double over = track->power[(p->looks - back) % PAST];
	double under = back < PAST ? track->power[(p->looks - 1 - back) % PAST] : 0.0;
	double part = over > under ? (0.5 * height - under) / (over - under) : 0.0;
	uint32_t before = back + SHARP;

	track->sharp =
		before < PAST && track->power[(p->looks - 1 - before) % PAST] < QUIET_PART * height;
	track->began = ago(p, (double)middle + HOP * ((double)back - part));
	track->on = true;
	track->absent = 0;
}

static void stay(struct rc_progress_track *track, double power)
{
	track->plateau_sum += power;
	track->plateau_looks++;
	track->plateau = track->plateau_sum / track->plateau_looks;
	track->absent = 0;
}

/* Its power fell through half between the last two looks, or something else drowned it. */
static void fall(
	struct rc_progress *p, struct rc_progress_track *track, double power, uint32_t middle)
{
	double before = track->power[(p->looks - 2) % PAST], half = 0.5 * track->plateau;
	double part = before > half && half > power ? (half - power) / (before - power) : 0.0;

	track->gone = ago(p, (double)middle + HOP * part);
	if (track->gone < track->began)
		track->gone = track->began;
	track->gap_looks = track->gap_loud = 0;
	track->hushed = false;
}

static void bide(struct rc_progress_track *track, bool quiet, bool sounding)
{
	track->gap_looks++;
	if (quiet && track->gap_looks <= HUSHED_BY)
		track->hushed = true;
	if (!quiet && !sounding)
		track->gap_loud++;
}

/* One look of a chord: true when a burst of it has just ended. `power` is the chord's, `energy` of
 * all that is heard, both smoothed. */
static bool follow(struct rc_progress *p, struct rc_progress_track *track, double power,
	double energy, bool sounding, uint32_t middle, double faintest)
{
	bool quiet = energy < as_energy(HUSH * DBM0_0) || energy < QUIET_PART * track->plateau;

	track->power[(p->looks - 1) % PAST] = power;
	track->sounding = sounding ? track->sounding + 1 : 0;
	if (!track->on) {
		bide(track, quiet, sounding);
		if (track->sounding >= SETTLED && power >= as_energy(faintest * DBM0_0))
			begin(p, track, power, middle);
		return false;
	}
	if (sounding && power >= 0.5 * track->plateau) {
		stay(track, power);
		return false;
	}
	if (track->absent++ == 0)
		fall(p, track, power, middle);
	bide(track, quiet, sounding);
	track->on = track->absent < ABSENT;
	if (!track->on)
		track->sounding = 0;
	return !track->on;
}

/* ---- tones ---- */

static double samples_of(uint32_t ms)
{
	return (double)ms * PER_MS;
}

static bool lasts(const struct rc_progress_tone *tone, uint64_t samples, uint32_t ms)
{
	return fabs((double)samples - samples_of(ms)) <= samples_of(ms) * tone->off_part + SLACK;
}

static double longest(const struct rc_progress_tone *tone, uint32_t ms)
{
	return samples_of(ms) * (1.0 + tone->off_part) + SLACK;
}

static uint64_t since(const struct rc_progress *p, uint64_t sample)
{
	uint64_t now = ago(p, MIDDLE);

	return now > sample ? now - sample : 0;
}

static const struct rc_progress_heard *heard_burst(
	const struct rc_progress_following *following, uint64_t back)
{
	return &following->heard[(following->bursts - 1 - back) % RC_PROGRESS_HEARD];
}

/* The silence after this burst of the tone, until the next began. */
static bool is_gap(const struct rc_progress_tone *tone, const struct rc_progress_burst *burst,
	const struct rc_progress_heard *before, const struct rc_progress_heard *after)
{
	uint64_t gap = after->began > before->gone ? after->began - before->gone : 0;

	if (burst->off_ms == 0)
		return gap <= JOINED;
	if (after->chord == before->chord && !after->gap_clean)
		return false;
	return after->sharp && lasts(tone, gap, burst->off_ms);
}

/* The last `needed` bursts heard are the tone's, the first of them its burst `first`. */
static bool is_in_step(const struct rc_progress_table *table, uint32_t at,
	const struct rc_progress_following *following, uint32_t first)
{
	const struct rc_progress_tone *tone = &table->tone[at];

	for (uint32_t n = 0; n < tone->needed; n++) {
		const struct rc_progress_heard *now = heard_burst(following, tone->needed - 1 - n);
		uint32_t step = (first + n) % tone->bursts;

		if (now->chord != table->chord_of[at][step] ||
			!lasts(tone, now->gone - now->began, tone->burst[step].on_ms))
			return false;
		if (n == 0)
			continue;

		uint32_t last = (first + n - 1) % tone->bursts;
		const struct rc_progress_heard *before = heard_burst(following, tone->needed - n);

		if (!is_gap(tone, &tone->burst[last], before, now))
			return false;
	}
	return true;
}

static bool is_in_any_step(const struct rc_progress_table *table, uint32_t at,
	const struct rc_progress_following *following)
{
	bool found = false;

	for (uint32_t first = 0; first < table->tone[at].bursts; first++)
		found = found || is_in_step(table, at, following, first);
	return found;
}

/* After the last burst it has been quiet for as long as is asked, and not longer than the tone is.
 */
static bool is_held(const struct rc_progress *p, const struct rc_progress_tone *tone,
	const struct rc_progress_track *track, const struct rc_progress_heard *last,
	uint32_t off_ms)
{
	uint64_t gap = since(p, last->gone);

	if (off_ms == 0)
		return true;
	return !track->on && track->hushed && track->gap_loud <= LOUD_MOST &&
	       (double)gap >= samples_of(tone->held_ms) && (double)gap <= longest(tone, off_ms);
}

/* Since when this tone of bursts is on the line, if it is. */
static bool find_cadence(const struct rc_progress *p, const struct rc_progress_table *table,
	uint32_t at, uint64_t *began)
{
	const struct rc_progress_tone *tone = &table->tone[at];
	const struct rc_progress_following *following = &p->following[at];
	uint32_t firsts = tone->needed >= tone->bursts ? tone->bursts : 1;

	if (following->bursts < tone->needed)
		return false;

	const struct rc_progress_heard *last = heard_burst(following, 0);

	for (uint32_t first = 0; first < firsts; first++) {
		uint32_t off_ms = tone->burst[(first + tone->needed - 1) % tone->bursts].off_ms;

		if (!is_in_step(table, at, following, first) ||
			!is_held(p, tone, &p->track[last->chord], last, off_ms))
			continue;
		*began = heard_burst(following, tone->needed - 1)->began;
		return true;
	}
	return false;
}

static bool find_steady(const struct rc_progress *p, const struct rc_progress_table *table,
	uint32_t at, uint64_t *began)
{
	const struct rc_progress_track *track = &p->track[table->chord_of[at][0]];

	if (!track->on || (double)since(p, track->began) < samples_of(table->tone[at].held_ms))
		return false;
	*began = track->began;
	return true;
}

static bool is_steady(const struct rc_progress_tone *tone)
{
	return tone->burst[0].on_ms == 0;
}

/* A tone that was recognised: has it stopped coming round? */
static bool is_over(const struct rc_progress *p, const struct rc_progress_table *table, uint32_t at,
	uint64_t *gone)
{
	const struct rc_progress_tone *tone = &table->tone[at];
	uint32_t on_ms = 0, off_ms = 0;
	bool sounds = false;

	for (uint32_t n = 0; n < tone->bursts; n++) {
		const struct rc_progress_track *track = &p->track[table->chord_of[at][n]];

		on_ms = tone->burst[n].on_ms > on_ms ? tone->burst[n].on_ms : on_ms;
		off_ms = tone->burst[n].off_ms > off_ms ? tone->burst[n].off_ms : off_ms;
		sounds = sounds || track->on;
	}
	if (is_steady(tone)) {
		*gone = p->track[table->chord_of[at][0]].gone;
		return !sounds;
	}
	*gone = heard_burst(&p->following[at], 0)->gone;
	if (!is_in_any_step(table, at, &p->following[at]))
		return true;

	/* While one sounds, it may have begun as late as the longest silence allows. */
	double patience = longest(tone, off_ms) + (sounds ? longest(tone, on_ms) : 0.0);

	return (double)since(p, *gone) > patience + (double)JOINED;
}

static void remember(struct rc_progress *p, const struct rc_progress_table *table, uint32_t chord)
{
	const struct rc_progress_track *track = &p->track[chord];
	struct rc_progress_heard burst = {.began = track->began,
		.gone = track->gone,
		.chord = (uint8_t)chord,
		.sharp = track->sharp,
		.gap_clean = track->gap_clean};

	for (uint32_t at = 0; at < table->tones; at++) {
		struct rc_progress_following *following = &p->following[at];
		bool ours = false;

		for (uint32_t n = 0; n < table->tone[at].bursts; n++)
			ours = ours || table->chord_of[at][n] == chord;
		if (ours && !is_steady(&table->tone[at])) {
			following->heard[following->bursts % RC_PROGRESS_HEARD] = burst;
			following->bursts++;
		}
	}
}

static struct rc_progress_event event_of(
	const struct rc_progress *p, uint8_t kind, uint32_t tone, uint64_t at_sample)
{
	return (struct rc_progress_event){.kind = kind,
		.tone = (uint8_t)tone,
		.at_sample = at_sample,
		.decided_sample = p->heard};
}

static size_t judge_tone(struct rc_progress *p, const struct rc_progress_table *table, uint32_t at,
	struct rc_progress_event *event)
{
	struct rc_progress_following *following = &p->following[at];
	uint64_t sample = 0;

	if (following->told) {
		if (!is_over(p, table, at, &sample))
			return 0;
		following->told = false;
		following->bursts = 0;
		*event = event_of(p, RC_PROGRESS_ENDED, at, sample);
		return 1;
	}
	following->told = is_steady(&table->tone[at]) ? find_steady(p, table, at, &sample)
						      : find_cadence(p, table, at, &sample);
	*event = event_of(p, RC_PROGRESS_RECOGNISED, at, sample);
	return following->told ? 1 : 0;
}

/* ---- the beep of an answering machine ---- */

/* Twice the variance of the spectrum over the cosine of its frequencies: none for a pure tone, and
 * up to three times its part of the whole for white noise beside one. */
static double spread(const double lag[LAGS])
{
	return lag[2] / lag[0] - 2.0 * square(lag[1] / lag[0]) + 1.0;
}

static bool is_one_frequency(const double lag[LAGS])
{
	return lag[0] > 0.0 && spread(lag) <= BEEP_SPREAD && lag[1] <= BEEP_LOWEST_TURN * lag[0] &&
	       lag[1] >= BEEP_HIGHEST_TURN * lag[0];
}

/* While it is on: how far its frequency and its level wander. The level is that of four looks ago,
 * which the burst's end does not touch yet. */
static void note(struct rc_progress *p, const double lag[LAGS], bool began)
{
	double turn_cosine = lag[1] / lag[0];
	double level = p->beep.power[(p->looks - 1 - NOTED_LATE) % PAST];

	if (began) {
		p->beep_lowest = p->beep_highest = turn_cosine;
		p->beep_faintest = p->beep_loudest = p->beep.plateau;
		p->beep_spread = spread(lag);
		return;
	}
	p->beep_spread += spread(lag);
	p->beep_lowest = fmin(p->beep_lowest, turn_cosine);
	p->beep_highest = fmax(p->beep_highest, turn_cosine);
	if (p->beep.plateau_looks > NOTED_LATE) {
		p->beep_faintest = fmin(p->beep_faintest, level);
		p->beep_loudest = fmax(p->beep_loudest, level);
	}
}

/* This burst may be one of the table's own tones, of which silence is a part. */
static bool is_of_table(const struct rc_progress *p, const struct rc_progress_table *table)
{
	for (uint32_t at = 0; at < table->tones; at++)
		for (uint32_t n = 0; n < table->tone[at].bursts; n++) {
			const struct rc_progress_track *track = &p->track[table->chord_of[at][n]];
			bool covers = track->began <= p->beep.gone && track->gone >= p->beep.began;

			if (track->on)
				return true;
			if (covers && table->tone[at].burst[n].off_ms > 0 &&
				lasts(&table->tone[at], track->gone - track->began,
					table->tone[at].burst[n].on_ms))
				return true;
		}
	return false;
}

/* One frequency, one level, and nothing beside them but the noise that is left now. */
static bool is_pure(const struct rc_progress *p)
{
	const struct rc_progress_track *beep = &p->beep;
	double left = beep->power[(p->looks - 1) % PAST] / beep->plateau;
	double noise = fmin(left, BEEP_NOISIEST);

	return beep->plateau_looks > NOTED_LATE &&
	       p->beep_highest - p->beep_lowest <= BEEP_DRIFT + BEEP_DRIFT_NOISE * noise &&
	       p->beep_loudest <= p->beep_faintest * (BEEP_WANDER + BEEP_WANDER_NOISE * noise) &&
	       p->beep_spread <= beep->plateau_looks * (BEEP_IMPURE + BEEP_IMPURE_NOISE * noise);
}

static bool is_beep(const struct rc_progress *p, const struct rc_progress_table *table)
{
	const struct rc_progress_track *beep = &p->beep;
	uint64_t samples = beep->gone - beep->began;

	return beep->sounding == 0 && beep->plateau > 0.0 && beep->sharp && beep->hushed &&
	       beep->gap_loud <= LOUD_MOST && samples >= BEEP_SHORTEST && samples <= BEEP_LONGEST &&
	       is_pure(p) && !is_of_table(p, table);
}

static size_t judge_beep(struct rc_progress *p, const struct rc_progress_table *table,
	struct rc_progress_event *event)
{
	double lag[LAGS];

	for (size_t n = 0; n < LAGS; n++)
		lag[n] = (double)smoothed(p->lag[n]);

	double power = as_energy(lag[0] * (double)(1 << 2 * SHIFTED) / (HOP * SMOOTH));
	bool sounding = is_one_frequency(lag), was_on = p->beep.on;

	follow(p, &p->beep, power, power, sounding, LAGS_MIDDLE, FAINTEST_BEEP);
	if (p->beep.on && p->beep.absent == 0)
		note(p, lag, !was_on);
	if (p->beep.on)
		p->beep_told = false;
	if (p->beep_told || p->beep.on || since(p, p->beep.gone) < BEEP_HUSH)
		return 0;
	p->beep_told = true; /* or found to be none: either way this burst is judged once */
	*event = event_of(p, RC_PROGRESS_BEEP, 0, p->beep.began);
	return is_beep(p, table) ? 1 : 0;
}

/* ---- silence ---- */

void rc_progress_stir(struct rc_progress *p)
{
	p->quiet_since = p->heard;
	p->silence_told = false;
}

static size_t judge_silence(struct rc_progress *p, double energy, struct rc_progress_event *event)
{
	double level = energy / (SQUARES * DBM0_0);

	p->noise = p->looks == 1 ? level : fmin(level, p->noise * NOISE_RISE);
	p->noise = fmin(NOISE_HIGHEST, fmax(NOISE_LOWEST, p->noise));
	p->loud_looks = level > HUSH && level > SILENT_UNDER * p->noise ? p->loud_looks + 1 : 0;
	if (p->loud_looks >= WAKING)
		rc_progress_stir(p);
	if (p->silence_samples == 0 || p->silence_told ||
		p->heard - p->quiet_since < p->silence_samples)
		return 0;
	p->silence_told = true;
	*event = event_of(p, RC_PROGRESS_SILENCE, 0, p->quiet_since);
	return 1;
}

/* ---- all of it ---- */

static size_t judge(struct rc_progress *p, const struct rc_progress_table *table,
	struct rc_progress_event events[RC_PROGRESS_EVENTS])
{
	double newest = take_look(p, table), energy = 0.0;
	size_t count = 0;

	for (size_t n = 0; n < SMOOTH; n++)
		energy += p->energy[n];
	for (uint32_t n = 0; n < table->chords; n++) {
		const struct rc_progress_chord *chord = &table->chord[n];
		bool sounding = is_sounding(p, table, chord, energy, p->track[n].on);

		if (follow(p, &p->track[n], raw_energy(p, chord), energy, sounding, MIDDLE,
			    chord->faintest))
			remember(p, table, n);
	}
	for (uint32_t at = 0; at < table->tones; at++)
		count += judge_tone(p, table, at, &events[count]);
	if (p->hears_beeps)
		count += judge_beep(p, table, &events[count]);
	count += judge_silence(p, newest, &events[count]);
	return count;
}

void rc_progress_init(struct rc_progress *p, uint32_t silence_ms, bool hears_beeps)
{
	memset(p, 0, sizeof *p);
	p->filled = WINDOW - HOP; /* silence came before */
	p->silence_samples = (uint64_t)silence_ms * 8;
	p->hears_beeps = hears_beeps;
	p->beep_told = true; /* there was none yet */
}

size_t rc_progress_feed(struct rc_progress *p, const struct rc_progress_table *table,
	const int16_t *pcm, size_t samples, struct rc_progress_event *out, size_t room)
{
	size_t written = 0;

	while (samples > 0) {
		size_t part = WINDOW - p->filled;

		if (part > samples)
			part = samples;
		memcpy(p->recent + p->filled, pcm, part * sizeof *pcm);
		p->filled += (uint32_t)part;
		p->heard += part;
		pcm += part;
		samples -= part;
		if (p->filled < WINDOW)
			break;

		struct rc_progress_event events[RC_PROGRESS_EVENTS];
		size_t count = judge(p, table, events);

		for (size_t n = 0; n < count && written < room; n++)
			out[written++] = events[n];
		p->filled = WINDOW - HOP;
		memmove(p->recent, p->recent + HOP, p->filled * sizeof *p->recent);
	}
	return written;
}
