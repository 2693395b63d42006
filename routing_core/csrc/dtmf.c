/* In-band DTMF, written from ITU-T Q.23 and Q.24: the life of a digit.
 *
 *      asleep -> awake -> candidate -> digit -> gone
 *
 * Asleep, one hop in eight is looked at: a digit lasts 40 ms, the audio of the last 80 is kept, and
 * what was missed is looked at afterwards. Awake, every hop is. Two bands that stay steady for
 * three hops, turning as two of the eight tones do, are a candidate if both rose from under half of
 * their amplitude within 7 ms: a voice that is merely steady never becomes one. A candidate is
 * tried 25 ms after its onset and then again and again, until it is a digit or fades. A digit lasts
 * until its tones have been away for 25 ms, or until another one is heard. */
#include <string.h>

#include "dtmf.h"

enum {
	ASLEEP_HOPS = 8,      /* from one look to the next: 16 ms */
	RUN_LEAST = 3,        /* steady hops before they are taken for tones */
	RUN_SEEN = 5,         /* hops gone back over on waking */
	ONSET_WITHIN = 24,    /* hops: an onset lies at most 48 ms back */
	BEFORE_HOPS = 10,     /* 20 ms: what was there before the onset */
	RISE_APART_MOST = 56, /* samples between the two tones' rises: 7 ms */
	TRY_AFTER = 204, /* samples: 25.5 ms, so that an onset found late does not cost a try */
	TRY_AGAIN = 32,  /* 4 ms */
	WEAK_MOST = 4,   /* hops a candidate bridges: a jump of the phase spoils four looks */
	CANDIDATE_MOST = 800, /* samples: 100 ms */
	ABSENT_MOST = 12,     /* hops: holes of 20 ms are bridged, pauses of 30 ms are not */
};

static const char DIGITS[SIDE][SIDE] = {
	{'1', '2', '3', 'A'}, {'4', '5', '6', 'B'}, {'7', '8', '9', 'C'}, {'*', '0', '#', 'D'}};

/* cos and sin of each tone's turn in one hop, 2 ms */
static const phasor LOW_TURN[SIDE] = {{-0.786288f, 0.617860f}, {-0.968583f, -0.248690f},
	{-0.285019f, -0.958522f}, {0.737513f, -0.675333f}};
static const phasor HIGH_TURN[SIDE] = {{-0.870184f, 0.492727f}, {-0.470704f, -0.882291f},
	{0.958522f, -0.285019f}, {-0.100362f, 0.994951f}};

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

/* Of all energy, the part that the bands show; dial tone 10 dB above a digit leaves it a third. */
static const float SHARE_LEAST = 0.2f;

/* A hop's energy of a tone that shows power 1 in the middle of its band's slope. */
static const float LOW_SHOWS = 2.6e-10f;
static const float HIGH_SHOWS = 4.8e-10f;

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
	return seen(rc_dtmf_hop(d, ago), group);
}

static phasor turn_at(struct rc_dtmf *d, enum group group, uint32_t ago)
{
	return turn_to(seen_at(d, group, ago), seen_at(d, group, ago + 1));
}

/* ---- is anything steady there? ---- */

static bool has_level(struct rc_dtmf *d, uint32_t ago)
{
	const struct rc_dtmf_hop *now = rc_dtmf_hop(d, ago), *before = rc_dtmf_hop(d, ago + 1);
	float high = power(now->high);

	if (power(now->low) > TWIST_SEEN * high || high > TWIST_SEEN * power(now->low))
		return false;
	return power(now->low) >= FAINT && high >= FAINT && now->upper == before->upper &&
	       is_within(high, power(before->high), STEADY_MOST);
}

static bool goes_straight(struct rc_dtmf *d, enum group group, uint32_t ago)
{
	phasor now = turn_at(d, group, ago), before = turn_at(d, group, ago + 1);
	float along = now.re * before.re + now.im * before.im;

	return along > 0.0f && square(along) >= STRAIGHT_LEAST * power(now) * power(before);
}

static bool is_steady(struct rc_dtmf *d, uint32_t ago)
{
	return has_level(d, ago) && goes_straight(d, HIGH, ago);
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

static phasor mean_turn(struct rc_dtmf *d, enum group group)
{
	phasor all = {0.0f, 0.0f};

	for (uint32_t ago = 0; ago <= RUN_LEAST; ago++)
		all = sum(all, turn_at(d, group, ago));
	return all;
}

/* ---- when did it rise? ---- */

/* Hops back to where both bands were under these powers; ONSET_WITHIN if they never were. */
static uint32_t hops_to_dip(struct rc_dtmf *d, float low, float high)
{
	uint32_t ago = 1;

	while (ago < ONSET_WITHIN &&
		!(seen_power(d, LOW, ago) < low && seen_power(d, HIGH, ago) < high))
		ago++;
	return ago;
}

/* The latest true silence; else the latest dip of both bands. A jump of the phase makes a dip, but
 * hardly ever a silence. */
static uint32_t hops_to_joint_onset(struct rc_dtmf *d, float low, float high)
{
	uint32_t ago = hops_to_dip(d, NOTHING * low, NOTHING * high);

	return ago < ONSET_WITHIN ? ago : hops_to_dip(d, HALF_POWER * low, HALF_POWER * high);
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
		all += rc_dtmf_energy(d, ago + n);
	return all / (float)hops;
}

/* What was there before, while its audio is still remembered. */
static void remember_before(struct rc_dtmf *d, uint32_t dip_ago)
{
	struct rc_dtmf_candidate *c = &d->candidate;
	uint32_t first = (uint32_t)(((int64_t)hops_sample(d) - c->onset_sample) / HOP) + 1;
	uint32_t looks = 0;

	rc_dtmf_hop(d, dip_ago + 1); /* the rise's shape is asked for later */
	c->low_before = c->high_before = 0.0f;
	for (uint32_t ago = dip_ago + 2; looks < BEFORE_HOPS; ago++, looks++) {
		c->low_before += seen_power(d, LOW, ago) / BEFORE_HOPS;
		c->high_before += seen_power(d, HIGH, ago) / BEFORE_HOPS;
	}
	c->energy_at_onset = rc_dtmf_energy(d, first);
	c->energy_before = c->energy_before_most = mean_energy(d, first, BEFORE_HOPS);
	for (uint32_t back = 1; back < 3; back++) {
		float energy = mean_energy(d, first + back * BEFORE_HOPS, BEFORE_HOPS);

		if (energy > c->energy_before_most)
			c->energy_before_most = energy;
	}
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

	float half_low = HALF_POWER * c->low_power, half_high = HALF_POWER * c->high_power;
	uint32_t ago = hops_to_joint_onset(d, c->low_power, c->high_power);
	int64_t low = rise_sample(d, LOW, ago, half_low),
		high = rise_sample(d, HIGH, ago, half_high);

	if (ago < ONSET_WITHIN && low - high <= RISE_APART_MOST && high - low <= RISE_APART_MOST) {
		c->onset_sample = (low + high) / 2;
	} else {
		/* Speech may fill the low tones' band before the digit. */
		ago = hops_to_dip(d, FILLED * c->low_power, half_high);
		if (ago == ONSET_WITHIN)
			return false;
		c->onset_sample = rise_sample(d, HIGH, ago, half_high);
	}
	remember_before(d, ago);
	return true;
}

static void open_candidate(struct rc_dtmf *d, int low, int high)
{
	struct rc_dtmf_candidate *c = &d->candidate;
	int64_t try_sample = c->onset_sample + TRY_AFTER;

	c->open = true;
	c->slid = false;
	c->low = (uint8_t)low;
	c->high = (uint8_t)high;
	c->weak_hops = 0;
	c->tries = 0;
	if (try_sample <= (int64_t)d->heard) {
		try_sample = (int64_t)d->heard + HOP;
		c->tries = 1;
	}
	c->try_sample = (uint64_t)try_sample;
}

/* A digit that follows the one before without a pause did not rise: it began as that one ended. */
static void slide(struct rc_dtmf *d, int low, int high)
{
	d->candidate.onset_sample = (int64_t)d->gone_sample;
	open_candidate(d, low, high);
	d->candidate.tries = 1;
	d->candidate.slid = true;
}

static void seek(struct rc_dtmf *d)
{
	if (d->run < RUN_LEAST)
		return;

	int low = tone_of(mean_turn(d, LOW), LOW_TURN, LOW_IN_TUNE);
	int high = tone_of(mean_turn(d, HIGH), HIGH_TURN, HIGH_IN_TUNE);

	if (low < 0 || high < 0 || d->digit == DIGITS[low][high])
		return;
	if (find_onset(d))
		open_candidate(d, low, high);
	else if (d->digit)
		slide(d, low, high);
	else
		d->run = RUN_SEEN; /* and back to sleep */
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
		if (d->absent_hops == 0)
			d->gone_sample = onset_sample;
		end_digit(d, outlet);
	}
	d->digit = DIGITS[c->low][c->high];
	d->mode = found->mode;
	d->rest = found->rest;
	d->absent_hops = 0;
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
		d->run = RUN_SEEN;
		break;
	case NOT_YET:
		break;
	}
}

static void try_clean(struct rc_dtmf *d, struct outlet *outlet)
{
	struct rc_dtmf_candidate *c = &d->candidate;
	struct finding found = {.verdict = NOT_YET};

	if (d->modes & RC_DTMF_CLEAN)
		found = rc_dtmf_judge_clean(d);
	if (c->try_sample <= d->heard) {
		c->try_sample = d->heard + TRY_AGAIN;
		c->tries++;
	}
	take(d, &found, outlet);
}

static bool is_held(struct rc_dtmf *d)
{
	const struct rc_dtmf_candidate *c = &d->candidate;

	return seen_power(d, LOW, 0) > HALF_POWER * c->low_power &&
	       is_within(seen_power(d, HIGH, 0), c->high_power, TWICE_POWER);
}

static void follow_candidate(struct rc_dtmf *d, struct outlet *outlet)
{
	struct rc_dtmf_candidate *c = &d->candidate;

	if (!is_held(d)) {
		c->open = ++c->weak_hops <= WEAK_MOST;
		return;
	}
	c->weak_hops = 0;
	if ((int64_t)d->heard - c->onset_sample > CANDIDATE_MOST) {
		c->open = false;
		d->run = RUN_SEEN;
		return;
	}

	struct finding found = rc_dtmf_judge_disturbed(d);

	take(d, &found, outlet);
}

static bool turns_like(phasor turn, phasor tone)
{
	float along = turn.re * tone.re + turn.im * tone.im;

	return along > 0.0f && square(along) >= SAME_TURN_LEAST * power(turn);
}

static bool is_down(struct rc_dtmf *d)
{
	return seen_power(d, LOW, 0) > HALF_POWER * d->low_power &&
	       seen_power(d, HIGH, 0) > HALF_POWER * d->high_power &&
	       turns_like(turn_at(d, LOW, 0), d->low_turn) &&
	       turns_like(turn_at(d, HIGH, 0), d->high_turn);
}

/* The sample at which a band's power fell through half of what it was. */
static uint64_t fall_sample(struct rc_dtmf *d, enum group group, float full)
{
	float over = sqrtf(seen_power(d, group, 1)), under = sqrtf(seen_power(d, group, 0));
	float part = over > under ? (over - 0.5f * sqrtf(full)) / (over - under) : 0.0f;

	return hops_sample(d) - HALF - HOP + (uint64_t)in_hop(part);
}

static void follow_digit(struct rc_dtmf *d, struct outlet *outlet)
{
	if (is_down(d)) {
		d->absent_hops = 0;
		return;
	}
	if (d->absent_hops == 0) {
		bool low_fell = seen_power(d, LOW, 0) * d->high_power <
				seen_power(d, HIGH, 0) * d->low_power;

		d->gone_sample = low_fell ? fall_sample(d, LOW, d->low_power)
					  : fall_sample(d, HIGH, d->high_power);
	}
	if (++d->absent_hops > ABSENT_MOST)
		end_digit(d, outlet);
}

/* ---- one hop after another ---- */

static void follow(struct rc_dtmf *d, struct outlet *outlet)
{
	if (d->digit)
		follow_digit(d, outlet);
	if (d->digit && d->absent_hops == 0) {
		d->run = 0;
		d->candidate.open = false;
		return;
	}
	d->run = is_steady(d, 0) ? d->run + 1 : 0;
	if (d->candidate.open)
		follow_candidate(d, outlet);
	if (!d->candidate.open)
		seek(d);
	d->awake = d->digit || d->candidate.open || (d->run > 0 && d->run <= RUN_SEEN);
}

/* Not a digit, for all that a single look can tell. */
static bool is_hopeless(struct rc_dtmf *d)
{
	enum { HOPS = WINDOW / HOP };
	float energy = mean_energy(d, 0, HOPS);

	if (energy < QUIET)
		return true;

	const struct rc_dtmf_hop *now = rc_dtmf_hop(d, 0);
	float shown = power(now->low) * LOW_SHOWS + power(now->high) * HIGH_SHOWS;

	if (shown < SHARE_LEAST * energy)
		return true;
	return !has_level(d, 0);
}

static void wake(struct rc_dtmf *d)
{
	if (is_hopeless(d))
		return;
	d->run = 0;
	while (d->run < RUN_SEEN && is_steady(d, d->run))
		d->run++;
	seek(d);
	d->awake = d->candidate.open || d->run > 0;
}

void rc_dtmf_init(struct rc_dtmf *d)
{
	memset(d, 0, sizeof *d);
	d->filled = REMEMBERED; /* silence came before */
	d->modes = RC_DTMF_ANY;
}

/* The next sample at which there is something to do. */
static uint64_t next_sample(const struct rc_dtmf *d)
{
	uint64_t step = d->awake ? HOP : HOP * ASLEEP_HOPS;
	uint64_t next = (d->heard / step + 1) * step;

	if (d->candidate.open && d->candidate.try_sample < next)
		return d->candidate.try_sample;
	return next;
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
	if (d->heard % HOP == 0) {
		bool was_awake = d->awake;

		d->hops = d->heard / HOP;
		if (was_awake)
			follow(d, outlet);
		else
			wake(d);
	}
	if (d->candidate.open && d->candidate.try_sample == d->heard)
		try_clean(d, outlet);
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
