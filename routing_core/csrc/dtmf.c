/* In-band DTMF, written from ITU-T Q.23 and Q.24: the life of a digit.
 *
 *      nothing -> candidate -> digit down -> gone -> nothing
 *
 * While there is nothing, one hop in eight is looked at: a digit lasts 40 ms, the audio of the last
 * 80 is kept, and what was passed over is looked at once it matters. A high tone that has been
 * steady for three hops, with something in the low tones' band, is a candidate if both rose from
 * under half of their amplitude within 7 ms, or at least the high one did: a voice that is merely
 * steady never becomes one. A candidate is judged 25 ms after its onset and then every 4 ms, until
 * it is a digit or fades. A digit lasts until its tones have been away for 28 ms, or until another
 * one is heard. */
#include <string.h>

#include "dtmf.h"

enum {
	/* Hops until the next look: */
	IDLE_HOPS = 8,   /* 16 ms, where there is nothing */
	UNSURE_HOPS = 4, /* 8 ms, where there is something that is not quite a digit's */
	DOWN_HOPS = 4,   /* 8 ms, while a digit is down */
	BUSY_HOPS = 2,   /* 4 ms, with a candidate, or with a digit that may come back */

	RUN_LEAST = 3,        /* steady hops, before they are taken for tones */
	ONSET_WITHIN = 24,    /* hops: an onset lies at most 48 ms back */
	COARSE_HOPS = 3,      /* 6 ms: what came before a first digit was no shorter */
	BEFORE_HOPS = 10,     /* 20 ms: what was there before the onset */
	RISE_APART_MOST = 56, /* samples between the two tones' rises: 7 ms */
	TRY_AFTER = 204, /* samples: 25.5 ms, so that an onset found late does not cost a try */
	TRY_AGAIN = 32,  /* 4 ms */
	WEAK_MOST = 2,   /* looks a candidate bridges: a jump of the phase spoils 6 ms */
	CANDIDATE_MOST = 800, /* samples: 100 ms */
	GONE_FOR = 224,       /* samples: holes of 20 ms are bridged, pauses of 30 ms are not */
};

static const char DIGITS[SIDE][SIDE] = {
	{'1', '2', '3', 'A'}, {'4', '5', '6', 'B'}, {'7', '8', '9', 'C'}, {'*', '0', '#', 'D'}};

/* The square of the cosine that a turn may be away from each tone's. Speech pulls at the low one;
 * the high one is within 3 %. */
static const float LOW_IN_TUNE[SIDE] = {0.3f, 0.3f, 0.3f, 0.3f};
static const float HIGH_IN_TUNE[SIDE] = {0.8063f, 0.7671f, 0.7207f, 0.6665f};

/* A tone of -49 dBm0 at its band's edge, as a look shows it; Q.24 refuses -55. */
static const float FAINT = 3.0e12f;

/* Two tones of -48 dBm0, as a hop's energy shows them. */
static const float QUIET = 600.0f;

/* Power from one hop to the next. */
/* One band's power beside the other's: 16 dB, of which the bands' edges may make 5. */
static const float TWIST_SEEN = 40.0f;

static const float STEADY_MOST = 2.5f;

/* The square of the cosine between one hop's turn and the next one's. */
static const float STRAIGHT_LEAST = 0.4f;

/* A hop's energy of a tone that shows power 1, at most: at its band's edge. */
static const float LOW_SHOWS = 4.0e-10f;
static const float HIGH_SHOWS = 6.0e-10f;

/* Of all energy, the part that the bands show; dial tone 10 dB above a digit leaves it a third. */
static const float SHARE_LEAST = 0.25f;

/* What was there before a digit, as a part of what the bands show of it. */
static const float LOUD_BEFORE_MOST = 2.6f;
static const float SILENT_BEFORE = 0.001f;

/* What there can be with a digit: of what the bands show (a tone off its frequency is beside its
 * band), and of what was there before. */
static const float TOGETHER_MOST = 1.8f;

/* In power: half of the amplitude, twice of it; where nothing is left; and the amplitude of the one
 * band that speech may fill before a digit. */
static const float HALF_POWER = 0.25f;
static const float TWICE_POWER = 4.0f;
static const float NOTHING = 0.03f;
static const float FILLED = 2.0f;

/* The square of the cosine that a digit's turn may be away: 37 degrees. */
static const float SAME_TURN_LEAST = 0.64f;

struct outlet {
	struct rc_dtmf_event *events;
	size_t written, room;
};

static uint64_t hops_sample(const struct rc_dtmf *d)
{
	return d->hops * HOP;
}

static bool is_within(float value, float other, float factor)
{
	return value < factor * other && other < factor * value;
}

static phasor seen_at(struct rc_dtmf *d, enum group group, uint32_t ago)
{
	return seen(hop_at(d, ago), group);
}

static phasor turn_at(struct rc_dtmf *d, enum group group, uint32_t ago)
{
	return turn_to(seen_at(d, group, ago), seen_at(d, group, ago + 1));
}

/* ---- is anything steady there? ---- */

static bool has_level(const struct rc_dtmf_hop *now, const struct rc_dtmf_hop *before)
{
	float low = power(now->low), high = power(now->high);

	return low >= FAINT && high >= FAINT && now->upper == before->upper &&
	       is_within(low, high, TWIST_SEEN) &&
	       is_within(high, power(before->high), STEADY_MOST);
}

static bool keeps_turning(phasor one_turn, phasor another)
{
	float along = one_turn.re * another.re + one_turn.im * another.im;

	return along > 0.0f && square(along) >= STRAIGHT_LEAST * power(one_turn) * power(another);
}

/* How long the high tone has been steady, in hops up to RUN_LEAST, and the bands' turns meanwhile.
 */
static uint32_t steady_run(struct rc_dtmf *d, phasor *low_turn, phasor *high_turn)
{
	const struct rc_dtmf_hop *now = hop_at(d, 0);
	phasor last = {0.0f, 0.0f};

	*low_turn = *high_turn = last;
	for (uint32_t ago = 0; ago <= RUN_LEAST; ago++) {
		const struct rc_dtmf_hop *before = hop_at(d, ago + 1);
		phasor turn = turn_to(now->high, before->high);

		if (ago < RUN_LEAST && !has_level(now, before))
			return ago;
		if (ago > 0 && !keeps_turning(turn, last))
			return ago - 1;
		*low_turn = sum(*low_turn, turn_to(now->low, before->low));
		*high_turn = sum(*high_turn, turn);
		last = turn;
		now = before;
	}
	return RUN_LEAST;
}

/* Which of a group's tones turns like this; -1 for none. */
static int tone_of(phasor turn, const phasor nominal[SIDE], const float in_tune[SIDE])
{
	float most = 0.0f;
	int best = -1;

	for (int n = 0; n < SIDE; n++) {
		float along = turn.re * nominal[n].re + turn.im * nominal[n].im;

		if (along > most) {
			most = along;
			best = n;
		}
	}
	return best >= 0 && square(most) >= in_tune[best] * power(turn) ? best : -1;
}

/* The energy of a hop in which the bands show these powers, at most. */
static float energy_shown(float low, float high)
{
	return LOW_SHOWS * low + HIGH_SHOWS * high;
}

static float shown(const struct rc_dtmf_hop *hop)
{
	return energy_shown(power(hop->low), power(hop->high));
}

/* ---- when did it rise? ---- */

/* Hops back to the latest silence, to the latest dip of both bands, and to that of the high tones'
 * alone; ONSET_WITHIN where there is none. */
struct dips {
	uint32_t silent, both, high;
};

static struct dips find_dips(struct rc_dtmf *d, float low, float high)
{
	struct dips dips = {ONSET_WITHIN, ONSET_WITHIN, ONSET_WITHIN};
	uint32_t step = d->digit ? 1 : COARSE_HOPS;

	for (uint32_t ago = 1; ago < ONSET_WITHIN && dips.silent == ONSET_WITHIN; ago += step) {
		const struct rc_dtmf_hop *hop = hop_at(d, ago);
		float low_part = power(hop->low) / low, high_part = power(hop->high) / high;

		if (high_part >= HALF_POWER)
			continue;
		if (low_part < FILLED && dips.high == ONSET_WITHIN)
			dips.high = ago;
		if (low_part < HALF_POWER && dips.both == ONSET_WITHIN)
			dips.both = ago;
		if (low_part < NOTHING && high_part < NOTHING)
			dips.silent = ago;
	}
	return dips;
}

/* This part of a hop, in samples. */
static int64_t in_hop(float part)
{
	int64_t samples = (int64_t)(part * HOP + 0.5f);

	if (samples < 0)
		return 0;
	return samples > HOP ? HOP : samples;
}

/* The sample at which a band's power rose through `threshold`, after it was under it at `ago`. */
static int64_t rise_sample(struct rc_dtmf *d, enum group group, uint32_t ago, float threshold)
{
	while (ago > 1 && seen_power(d, group, ago - 1) < threshold)
		ago--;

	float under = sqrtf(seen_power(d, group, ago));
	float over = sqrtf(seen_power(d, group, ago - 1));
	float part = over > under ? (sqrtf(threshold) - under) / (over - under) : 0.0f;

	return (int64_t)hops_sample(d) - HALF - (int64_t)ago * HOP + in_hop(part);
}

static float mean_energy(struct rc_dtmf *d, uint32_t ago, uint32_t hops)
{
	float all = 0.0f;

	for (uint32_t n = 0; n < hops; n++)
		all += energy_at(d, ago + n);
	return all / (float)hops;
}

/* What was there before, while its audio is still remembered. */
static void remember_before(struct rc_dtmf *d, uint32_t dip_ago)
{
	struct rc_dtmf_candidate *c = &d->candidate;
	uint32_t first = (uint32_t)(((int64_t)hops_sample(d) - c->onset_sample) / HOP) + 1;
	uint32_t looks = 0;

	c->energy_at_onset = energy_at(d, first);
	c->energy_before = c->energy_before_most = mean_energy(d, first, BEFORE_HOPS);
	for (uint32_t back = 1; back < 3; back++) {
		float energy = mean_energy(d, first + back * BEFORE_HOPS, BEFORE_HOPS);

		if (energy > c->energy_before_most)
			c->energy_before_most = energy;
	}

	/* The rise's shape is asked for later. */
	for (uint32_t ago = dip_ago; ago < dip_ago + 2; ago++)
		hop_at(d, ago);
	c->low_before = c->high_before = 0.0f;
	if (c->energy_before < SILENT_BEFORE * energy_shown(c->low_power, c->high_power))
		return;
	for (uint32_t ago = dip_ago + 2; looks < BEFORE_HOPS; ago++, looks++) {
		c->low_before += seen_power(d, LOW, ago) / BEFORE_HOPS;
		c->high_before += seen_power(d, HIGH, ago) / BEFORE_HOPS;
	}
}

static bool rose_together(struct rc_dtmf *d, uint32_t dip_ago)
{
	struct rc_dtmf_candidate *c = &d->candidate;
	int64_t low = rise_sample(d, LOW, dip_ago, HALF_POWER * c->low_power);
	int64_t high = rise_sample(d, HIGH, dip_ago, HALF_POWER * c->high_power);

	c->onset_sample = (low + high) / 2;
	return low - high <= RISE_APART_MOST && high - low <= RISE_APART_MOST;
}

/* Two steady tones are there. A candidate, if they rose together. */
static bool find_onset(struct rc_dtmf *d)
{
	struct rc_dtmf_candidate *c = &d->candidate;

	c->low_power = c->high_power = 0.0f;
	for (uint32_t ago = 0; ago < RUN_LEAST; ago++) {
		c->low_power += seen_power(d, LOW, ago) / RUN_LEAST;
		c->high_power += seen_power(d, HIGH, ago) / RUN_LEAST;
	}

	struct dips dips = find_dips(d, c->low_power, c->high_power);
	/* A jump of the phase makes a dip, but hardly ever a silence. */
	uint32_t ago = dips.silent < ONSET_WITHIN ? dips.silent : dips.both;

	if (ago == ONSET_WITHIN || !rose_together(d, ago)) {
		/* Speech may fill the low tones' band before the digit. */
		ago = dips.high;
		if (ago == ONSET_WITHIN)
			return false;
		c->onset_sample = rise_sample(d, HIGH, ago, HALF_POWER * c->high_power);
	}
	remember_before(d, ago);
	return c->energy_before <= LOUD_BEFORE_MOST * energy_shown(c->low_power, c->high_power);
}

static void open_candidate(struct rc_dtmf *d, int low, int high)
{
	struct rc_dtmf_candidate *c = &d->candidate;
	int64_t try_sample = c->onset_sample + TRY_AFTER;

	c->open = true;
	c->slid = false;
	c->low = (uint8_t)low;
	c->high = (uint8_t)high;
	c->weak_looks = 0;
	c->is_early = try_sample > (int64_t)d->heard;
	c->try_sample = (uint64_t)try_sample;
}

/* A digit that follows the one before without a pause did not rise: it began as that one ended. */
static void slide(struct rc_dtmf *d, int low, int high)
{
	d->candidate.onset_sample = (int64_t)d->gone_sample;
	open_candidate(d, low, high);
	d->candidate.is_early = false;
	d->candidate.slid = true;
}

/* Not a digit, for all that a single look can tell. */
static bool is_hopeless(struct rc_dtmf *d)
{
	float energy = mean_energy(d, 0, WINDOW / HOP);

	return energy < QUIET || shown(hop_at(d, 0)) < SHARE_LEAST * energy;
}

/* Opens a candidate if there is one. Returns the hops until there is more to be seen. */
static uint32_t seek(struct rc_dtmf *d)
{
	phasor low_turn, high_turn;

	if (is_hopeless(d))
		return IDLE_HOPS;

	uint32_t run = steady_run(d, &low_turn, &high_turn);

	if (run == 0)
		return IDLE_HOPS;
	if (run < RUN_LEAST)
		return RUN_LEAST - run;

	int low = tone_of(low_turn, LOW_TURN, LOW_IN_TUNE);
	int high = tone_of(high_turn, HIGH_TURN, HIGH_IN_TUNE);

	if (low < 0 || high < 0 || d->digit == DIGITS[low][high])
		return UNSURE_HOPS;
	if (find_onset(d))
		open_candidate(d, low, high);
	else if (d->digit)
		slide(d, low, high);
	return d->candidate.open ? BUSY_HOPS : IDLE_HOPS;
}

/* ---- telling ---- */

static void tell(struct outlet *outlet, struct rc_dtmf_event event)
{
	if (outlet->written < outlet->room)
		outlet->events[outlet->written++] = event;
}

static void end_digit(struct rc_dtmf *d, struct outlet *outlet)
{
	tell(outlet, (struct rc_dtmf_event){.kind = RC_DTMF_ENDED,
			     .digit = d->digit,
			     .mode = d->mode,
			     .rest = d->rest,
			     .at_sample = d->gone_sample,
			     .decided_sample = d->heard});
	d->digit = 0;
}

static void begin_digit(struct rc_dtmf *d, const struct finding *found, struct outlet *outlet)
{
	struct rc_dtmf_candidate *c = &d->candidate;
	uint64_t onset_sample = c->onset_sample > 0 ? (uint64_t)c->onset_sample : 0;

	if (d->digit) {
		if (!d->is_gone)
			d->gone_sample = onset_sample;
		end_digit(d, outlet);
	}
	d->digit = DIGITS[c->low][c->high];
	d->mode = found->mode;
	d->rest = found->rest;
	d->is_gone = false;
	d->low_crowded = found->low_crowded;
	d->high_crowded = found->high_crowded;
	d->low_power = seen_power(d, LOW, 0);
	d->high_power = seen_power(d, HIGH, 0);
	d->low_turn = rc_dtmf_after_turns(found->low_hz * HOP / SAMPLE_RATE_HZ);
	d->high_turn = rc_dtmf_after_turns(found->high_hz * HOP / SAMPLE_RATE_HZ);
	c->open = false;
	tell(outlet, (struct rc_dtmf_event){.kind = RC_DTMF_BEGAN,
			     .digit = d->digit,
			     .mode = d->mode,
			     .rest = d->rest,
			     .at_sample = onset_sample,
			     .decided_sample = d->heard});
}

/* ---- following ---- */

static void take(struct rc_dtmf *d, const struct finding *found, struct outlet *outlet)
{
	switch (found->verdict) {
	case DIGIT:
		begin_digit(d, found, outlet);
		break;
	case NEVER:
		d->candidate.open = false;
		break;
	case NOT_YET:
		break;
	}
}

/* There is more than these tones and what was there before them. */
static bool is_buried(struct rc_dtmf *d)
{
	return mean_energy(d, 0, WINDOW / HOP) >
	       TOGETHER_MOST * (shown(hop_at(d, 0)) + d->candidate.energy_before);
}

static void try_early(struct rc_dtmf *d, struct outlet *outlet)
{
	struct rc_dtmf_candidate *c = &d->candidate;

	c->is_early = false;
	if (!(d->modes & RC_DTMF_CLEAN) || is_buried(d))
		return;

	struct finding found = rc_dtmf_judge_early(d);

	take(d, &found, outlet);
}

static bool is_held(struct rc_dtmf *d)
{
	const struct rc_dtmf_candidate *c = &d->candidate;

	return seen_power(d, LOW, 0) > FAINT &&
	       is_within(seen_power(d, HIGH, 0), c->high_power, TWICE_POWER);
}

static void follow_candidate(struct rc_dtmf *d, struct outlet *outlet)
{
	struct rc_dtmf_candidate *c = &d->candidate;

	if (!is_held(d)) {
		c->open = ++c->weak_looks <= WEAK_MOST;
		return;
	}
	c->weak_looks = 0;
	c->open = (int64_t)d->heard - c->onset_sample <= CANDIDATE_MOST;
	if (!c->open || is_buried(d))
		return;

	struct finding found = rc_dtmf_judge_late(d);

	take(d, &found, outlet);
}

static bool turns_like(phasor turn, phasor tone)
{
	float along = turn.re * tone.re + turn.im * tone.im;

	return along > 0.0f && square(along) >= SAME_TURN_LEAST * power(turn);
}

static bool is_down(struct rc_dtmf *d)
{
	bool low_is = seen_power(d, LOW, 0) > HALF_POWER * d->low_power &&
		      turns_like(turn_at(d, LOW, 0), d->low_turn);
	bool high_is = seen_power(d, HIGH, 0) > HALF_POWER * d->high_power &&
		       turns_like(turn_at(d, HIGH, 0), d->high_turn);

	return (low_is || d->low_crowded) && (high_is || d->high_crowded);
}

static bool low_fell_first(struct rc_dtmf *d)
{
	if (d->low_crowded || d->high_crowded)
		return d->high_crowded;
	return seen_power(d, LOW, 0) * d->high_power < seen_power(d, HIGH, 0) * d->low_power;
}

/* The sample at which a band's power fell through half of the amplitude it had. */
static uint64_t fall_sample(struct rc_dtmf *d, enum group group, float full)
{
	uint32_t ago = 0;

	while (ago < DOWN_HOPS - 1 && seen_power(d, group, ago + 1) < HALF_POWER * full)
		ago++;

	float over = sqrtf(seen_power(d, group, ago + 1)), under = sqrtf(seen_power(d, group, ago));
	float part = over > under ? (over - 0.5f * sqrtf(full)) / (over - under) : 0.0f;

	return hops_sample(d) - HALF - (uint64_t)(ago + 1) * HOP + (uint64_t)in_hop(part);
}

static void follow_digit(struct rc_dtmf *d, struct outlet *outlet)
{
	if (is_down(d)) {
		d->is_gone = false;
		return;
	}
	if (!d->is_gone) {
		d->gone_sample = low_fell_first(d) ? fall_sample(d, LOW, d->low_power)
						   : fall_sample(d, HIGH, d->high_power);
		d->is_gone = true;
	}
	if (d->heard >= d->gone_sample + GONE_FOR)
		end_digit(d, outlet);
}

/* ---- one look after another ---- */

/* Returns the hops until the next look. */
static uint32_t look_round(struct rc_dtmf *d, struct outlet *outlet)
{
	if (d->digit)
		follow_digit(d, outlet);
	if (d->digit && !d->is_gone) {
		d->candidate.open = false;
		return DOWN_HOPS;
	}
	if (d->candidate.open)
		follow_candidate(d, outlet);

	uint32_t hops = d->candidate.open || d->digit ? BUSY_HOPS : IDLE_HOPS;

	if (!d->candidate.open && (!d->digit || d->is_gone)) {
		uint32_t wanted = seek(d);

		hops = wanted < hops ? wanted : hops;
	}
	return hops;
}

void rc_dtmf_init(struct rc_dtmf *d)
{
	memset(d, 0, sizeof *d);
	d->filled = REMEMBERED; /* silence came before */
	d->modes = RC_DTMF_ANY;
	d->look_sample = (uint64_t)IDLE_HOPS * HOP;
}

/* The next sample at which there is something to do. */
static uint64_t next_sample(const struct rc_dtmf *d)
{
	const struct rc_dtmf_candidate *c = &d->candidate;

	if (c->open && c->is_early && c->try_sample < d->look_sample)
		return c->try_sample;
	return d->look_sample;
}

static void remember(struct rc_dtmf *d, const int16_t *pcm, size_t samples)
{
	if (d->filled + samples > RC_DTMF_RECENT) {
		memmove(d->recent, d->recent + d->filled - REMEMBERED,
			REMEMBERED * sizeof *d->recent);
		d->filled = REMEMBERED;
	}
	memcpy(d->recent + d->filled, pcm, samples * sizeof *pcm);
	d->filled += (uint32_t)samples;
	d->heard += samples;
}

static void work(struct rc_dtmf *d, struct outlet *outlet)
{
	d->hops = d->heard / HOP;
	if (d->heard == d->look_sample)
		d->look_sample += (uint64_t)look_round(d, outlet) * HOP;
	if (d->candidate.open && d->candidate.is_early && d->candidate.try_sample <= d->heard)
		try_early(d, outlet);
}

size_t rc_dtmf_feed(struct rc_dtmf *d, const int16_t *pcm, size_t samples,
	struct rc_dtmf_event *out, size_t room)
{
	struct outlet outlet = {.events = out, .room = room};

	while (samples > 0) {
		uint64_t next = next_sample(d);
		size_t part = samples < next - d->heard ? samples : (size_t)(next - d->heard);

		remember(d, pcm, part);
		pcm += part;
		samples -= part;
		if (d->heard == next)
			work(d, &outlet);
	}
	return outlet.written;
}

void rc_dtmf_feed_each(struct rc_dtmf *detectors, size_t channels, const int16_t *pcm,
	size_t samples, struct rc_dtmf_event *out, size_t room, size_t *counts)
{
	for (size_t n = 0; n < channels; n++)
		counts[n] = rc_dtmf_feed(
			&detectors[n], pcm + n * samples, samples, out + n * room, room);
}
