/* The tones that can be told, as filters and phases: see progress.cdef.h.
 *
 * Made once, of plain double arithmetic and a cosine of its own, so that every processor makes the
 * same table. */
#include <math.h>
#include <string.h>

#include "rc.h"

enum { WINDOW = RC_PROGRESS_WINDOW, HALF = WINDOW / 2, HOP = RC_PROGRESS_HOP };

static const double PI = 3.14159265358979323846;
static const double SAMPLE_RATE_HZ = 8000.0;

static const double LOW_HZ = 50.0;   /* SAMPLE_RATE_HZ / WINDOW: DC, hum and the like lie here */
static const double SHARE_HZ = 70.0; /* nearer than this, two frequencies share a filter */

static const double STEADY = 0.8; /* a lone frequency's coherence from look to look */

/* Several in one filter beat: no less than this is left of the coherence, and no more. */
static const double BEATS_LEAST = 0.1, BEATS_MOST = 0.95, NO_LIMIT = 2.0;

static double square(double value)
{
	return value * value;
}

/* Taylor's series after a reduction to half a turn either way: to 1e-9, the same everywhere. */
static double cosine(double radians)
{
	double turns = radians / (2.0 * PI), sum = 1.0, term = 1.0;

	radians = (turns - floor(turns + 0.5)) * 2.0 * PI;
	for (int n = 1; n <= 12; n++) {
		term *= -square(radians) / (double)((2 * n - 1) * (2 * n));
		sum += term;
	}
	return sum;
}

static double sine(double radians)
{
	return cosine(radians - PI / 2.0);
}

static bool is_burst(const struct rc_progress_burst *burst, bool alone)
{
	const uint32_t least = 80, most = 20000;
	bool ended = false;

	for (size_t n = 0; n < RC_PROGRESS_LINES; n++) {
		double hz = burst->hz[n];

		if (hz == 0.0) {
			ended = true;
			continue;
		}
		if (!(hz >= 200.0 && hz <= 3400.0) || ended)
			return false;
		if (n > 0 && !(hz > burst->hz[n - 1]))
			return false;
	}
	if (burst->hz[0] == 0.0)
		return false;
	if (burst->on_ms == 0)
		return alone && burst->off_ms == 0;
	return burst->on_ms >= least && burst->on_ms <= most &&
	       (burst->off_ms == 0 || (burst->off_ms >= least && burst->off_ms <= most));
}

static bool is_tone(const struct rc_progress_tone *tone)
{
	if (tone->bursts < 1 || tone->bursts > RC_PROGRESS_BURSTS)
		return false;
	for (uint32_t n = 0; n < tone->bursts; n++)
		if (!is_burst(&tone->burst[n], tone->bursts == 1))
			return false;
	return tone->needed >= 1 && tone->needed <= 6 && tone->held_ms <= 20000 &&
	       tone->off_hz >= 1.0 && tone->off_hz <= 50.0 && tone->off_part >= 0.0 &&
	       tone->off_part <= 0.4 && tone->faintest >= 1e-6 && tone->faintest <= 1.0;
}

static int16_t rounded(double value)
{
	return (int16_t)floor(value + 0.5);
}

/* The rising half; the other mirrors it. */
static void make_window(int16_t hann[HALF])
{
	for (size_t n = 0; n < HALF; n++)
		hann[n] = rounded(16383.5 * (1.0 - cosine(2.0 * PI * ((double)n + 0.5) / WINDOW)));
}

static void make_band(struct rc_progress_band *band, double hz)
{
	double turn = 2.0 * PI * hz / SAMPLE_RATE_HZ;

	for (size_t n = 0; n < HALF; n++) {
		double angle = turn * ((double)n - ((double)WINDOW - 1.0) / 2.0);

		band->cosine[n] = rounded(RC_PROGRESS_PEAK * cosine(angle));
		band->sine[n] = rounded(RC_PROGRESS_PEAK * sine(angle));
	}
	band->hz = hz;
	band->turn_re = cosine(turn * HOP);
	band->turn_im = sine(turn * HOP);
}

static uint32_t band_for(struct rc_progress_table *table, double hz)
{
	uint32_t n = 0;

	while (n < table->bands && table->band[n].hz != hz)
		n++;
	if (n == RC_PROGRESS_BANDS)
		return n;
	if (n == table->bands) {
		make_band(&table->band[n], hz);
		table->bands++;
	}
	return n;
}

/* Frequencies first to last of the chord, which lie close together, get one filter in their middle.
 */
static bool add_band(
	struct rc_progress_table *table, struct rc_progress_chord *chord, size_t first, size_t last)
{
	double spread = 0.5 * (chord->hz[last] - chord->hz[first]);
	double turn = 2.0 * PI * (spread + chord->off_hz) * HOP / SAMPLE_RATE_HZ;
	uint32_t band = band_for(table, chord->hz[first] + spread), n = chord->bands;

	if (band == RC_PROGRESS_BANDS)
		return false;
	chord->band[n] = band;
	chord->widest[n] = turn < PI ? cosine(turn) : -1.0;
	chord->least[n] = first == last ? STEADY : BEATS_LEAST;
	chord->steadiest[n] = last == first + 1 ? BEATS_MOST : NO_LIMIT;
	chord->bands++;
	return true;
}

static bool add_bands(struct rc_progress_table *table, struct rc_progress_chord *chord)
{
	size_t first = 0;

	for (size_t n = 0; n < RC_PROGRESS_LINES && chord->hz[n] > 0.0; n++) {
		bool last = n + 1 == RC_PROGRESS_LINES || chord->hz[n + 1] == 0.0 ||
			    chord->hz[n + 1] - chord->hz[n] >= SHARE_HZ;

		if (!last)
			continue;
		if (!add_band(table, chord, first, n))
			return false;
		first = n + 1;
	}
	return true;
}

/* The chord of this burst, an earlier one's if it is the same; CHORDS when there is no room. */
static uint32_t chord_for(struct rc_progress_table *table, const struct rc_progress_burst *burst,
	const struct rc_progress_tone *tone)
{
	uint32_t n = 0;

	for (; n < table->chords; n++) {
		const struct rc_progress_chord *chord = &table->chord[n];
		bool same = chord->off_hz == tone->off_hz && chord->faintest == tone->faintest;

		for (size_t line = 0; line < RC_PROGRESS_LINES; line++)
			same = same && chord->hz[line] == burst->hz[line];
		if (same)
			return n;
	}
	if (n == RC_PROGRESS_CHORDS)
		return n;
	memcpy(table->chord[n].hz, burst->hz, sizeof burst->hz);
	table->chord[n].off_hz = tone->off_hz;
	table->chord[n].faintest = tone->faintest;
	if (!add_bands(table, &table->chord[n]))
		return RC_PROGRESS_CHORDS;
	table->chords++;
	return n;
}

static enum rc_status add_tone(struct rc_progress_table *table, const struct rc_progress_tone *tone)
{
	uint32_t at = table->tones;

	for (uint32_t n = 0; n < tone->bursts; n++) {
		uint32_t chord = chord_for(table, &tone->burst[n], tone);

		if (chord == RC_PROGRESS_CHORDS)
			return RC_FULL;
		table->chord_of[at][n] = (uint8_t)chord;
	}
	table->tone[at] = *tone;
	table->tones++;
	return RC_OK;
}

enum rc_status rc_progress_table_init(
	struct rc_progress_table *table, const struct rc_progress_tone *tones, size_t count)
{
	struct rc_progress_table made = {0};

	if (count > RC_PROGRESS_TONES)
		return RC_FULL;
	make_window(made.hann);
	for (size_t n = 0; n < RC_PROGRESS_LOW; n++)
		make_band(&made.low[n], LOW_HZ * (double)n);
	for (size_t n = 0; n < count; n++) {
		enum rc_status status = is_tone(&tones[n]) ? add_tone(&made, &tones[n]) : RC_BAD;

		if (status != RC_OK)
			return status;
	}
	*table = made;
	return RC_OK;
}
