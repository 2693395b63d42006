/* bits: the same material goes through every part of the core, and a digest of all that came out is
 * printed, one line a part, and how many things a detector told.
 *
 * The material is made of integers. No clock, chance, address or padding is in a digest, so two
 * builds that print different lines do not agree on a call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media.h"

enum {
	MINUTE = 60 * 8000,
	LONGEST_PIECE = 1000,
	CHANNELS = 40,
	ROOM = 2 * (LONGEST_PIECE / RC_DTMF_HOP + 1),
};

static uint64_t digest, things_told; /* so that a silent detector is seen */
static uint32_t chance;
static int16_t line[MINUTE], other[MINUTE], out[MINUTE];
static uint8_t codes[MINUTE];

/* At most once in an expression, for C may evaluate its parts in any order. */
static uint32_t any(uint32_t below)
{
	chance = chance * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)chance * below >> 32);
}

static void mix_in(uint64_t value)
{
	for (int n = 0; n < 64; n += 8)
		digest = (digest ^ (value >> n & 0xff)) * 0x100000001b3u;
}

static void mix_in_sound(const int16_t *pcm, size_t samples)
{
	for (size_t n = 0; n < samples; n++)
		mix_in((uint16_t)pcm[n]);
}

static void mix_in_real(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof bits);
	mix_in(bits);
}

/* ---- material ---- */

static void make_noise(int16_t *pcm, size_t samples, uint32_t peak)
{
	for (size_t n = 0; n < samples; n++)
		pcm[n] = (int16_t)(any(2 * peak + 1) - peak);
}

static void lay_over(int16_t *pcm, const int16_t *more, size_t samples)
{
	for (size_t n = 0; n < samples; n++) {
		int sum = pcm[n] + more[n];

		pcm[n] = (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
	}
}

/* A minute of a line: keys of every level and length, bursts like speech, pauses, noise below. */
static void make_line(uint32_t seed)
{
	chance = seed;
	make_noise(line, MINUTE, 30);
	for (size_t at = 0; at + 4000 < MINUTE; at += 400 + any(2000)) {
		struct rc_tone tone;
		size_t samples = 160 + any(1200);

		if (any(4) == 0) {
			make_noise(other, samples, 200 + any(8000));
		} else {
			char key = "123A456B789C*0#D"[any(16)];

			(void)rc_tone_digit(&tone, key, -3.0 - (double)any(30), samples);
			samples = rc_tone_next(&tone, other, samples);
		}
		lay_over(line + at, other, samples);
		at += samples;
	}
}

/* ---- the parts ---- */

static void g711(void)
{
	make_line(711);
	for (int32_t value = INT16_MIN; value <= INT16_MAX; value++)
		out[value - INT16_MIN] = (int16_t)value;
	rc_alaw_encode(out, codes, 65536);
	rc_ulaw_encode(out, codes + 65536, 65536);
	for (size_t n = 0; n < 131072; n++)
		mix_in(codes[n]);
	for (size_t n = 0; n < 256; n++)
		codes[n] = (uint8_t)n;
	rc_alaw_decode(codes, out, 256);
	rc_ulaw_decode(codes, out + 256, 256);
	mix_in_sound(out, 512);
}

static void level(void)
{
	double levels[CHANNELS];

	make_line(3);
	for (size_t at = 0, samples; at < MINUTE; at += samples) {
		samples = 1 + any(LONGEST_PIECE);
		if (samples > MINUTE - at)
			samples = MINUTE - at;
		mix_in_real(rc_level_dbm0(line + at, samples));
	}
	mix_in_real(rc_level_dbm0(line, 0));
	rc_level_each_dbm0(line, CHANNELS, MINUTE / CHANNELS, levels);
	for (size_t n = 0; n < CHANNELS; n++)
		mix_in_real(levels[n]);
}

static void meter(void)
{
	struct rc_meter needle;

	make_line(2);
	rc_meter_init(&needle);
	for (size_t at = 0; at < MINUTE; at += 80) {
		rc_meter_feed(&needle, line + at, 80);
		mix_in_real(needle.level_dbm0);
	}
	mix_in(needle.peak);
}

static void voice(void)
{
	struct rc_voice ear;

	make_line(4);
	rc_voice_init(&ear);
	for (size_t at = 0; at < MINUTE; at += 80)
		mix_in(rc_voice_feed(&ear, line + at, 80));
	mix_in_real(ear.floor_dbm0);
	mix_in_real(rc_voice_dbm0(&ear));
}

static void mix(void)
{
	struct rc_gain gains[2];

	make_line(5);
	make_noise(other, MINUTE, 30000);
	rc_mix(line, other, out, MINUTE);
	mix_in_sound(out, MINUTE);
	for (int tenths = -900; tenths <= 60; tenths += 7) {
		size_t at = any(MINUTE - 4000), length = 200 + any(1800);
		double aim_db = -(double)any(40);

		mix_in((uint64_t)rc_gain_set(&gains[0], tenths / 10.0));
		mix_in((uint64_t)rc_gain_aim(&gains[0], aim_db, any(2000)));
		gains[1] = gains[0];
		rc_gain_apply(&gains[0], line + at, out, length);
		rc_gain_mix(&gains[0], other + at, out, length);
		rc_gain_apply_each(gains, 2, line + at, out + length, length);
		rc_gain_mix_each(gains, 2, other + at, out + length, length);
		mix_in_sound(out, 3 * length);
	}
}

static void tone(void)
{
	struct rc_tone sound;

	chance = 6;
	for (uint32_t n = 0; n < 200; n++) {
		double hz = 1.0 + any(3998), hz2 = 0.25 * (1 + any(15998));
		double dbm0 = 3.0 - (double)any(60), dbm02 = 3.0 - (double)any(60);
		size_t made;

		mix_in((uint64_t)rc_tone_pair(&sound, hz, dbm0, hz2, dbm02, 1 + any(9000)));
		while ((made = rc_tone_next(&sound, out, 1 + any(LONGEST_PIECE))) > 0)
			mix_in_sound(out, made);
	}
	for (const char *key = "0123456789*#ABCD"; *key; key++) {
		mix_in((uint64_t)rc_tone_digit(&sound, *key, -9.0, 800));
		mix_in_sound(out, rc_tone_next(&sound, out, 800));
	}
	rc_tone_beep(&sound);
	mix_in_sound(out, rc_tone_next(&sound, out, MINUTE));
	mix_in((uint64_t)rc_tone_digit(&sound, 'E', -9.0, 800));
}

static void mix_in_tones(const struct rc_dtmf_event *told, size_t count)
{
	for (size_t n = 0; n < count; n++) {
		mix_in(told[n].kind);
		mix_in((uint8_t)told[n].digit);
		mix_in(told[n].mode);
		mix_in_real((double)told[n].rest);
		mix_in(told[n].at_sample);
		mix_in(told[n].decided_sample);
		things_told++;
	}
}

static void dtmf(void)
{
	static struct rc_dtmf ear;
	struct rc_dtmf_event told[ROOM];

	for (uint32_t seed = 100; seed < 104; seed++) {
		make_line(seed);
		rc_dtmf_init(&ear);
		for (size_t at = 0, samples; at < MINUTE; at += samples) {
			size_t count;

			samples = 1 + any(LONGEST_PIECE);
			if (samples > MINUTE - at)
				samples = MINUTE - at;
			count = rc_dtmf_feed(&ear, line + at, samples, told, ROOM);
			mix_in_tones(told, count);
		}
	}
}

static const struct rc_progress_tone TONES[] = {
	{.burst = {{.hz = {480, 620}, .on_ms = 240, .off_ms = 240}},
		.bursts = 1,
		.needed = 2,
		.held_ms = 100,
		.off_hz = 15,
		.off_part = 0.15,
		.faintest = 1e-4},
	{.burst = {{.hz = {413, 438}, .on_ms = 400, .off_ms = 200},
		 {.hz = {413, 438}, .on_ms = 400, .off_ms = 1000}},
		.bursts = 2,
		.needed = 2,
		.held_ms = 100,
		.off_hz = 15,
		.off_part = 0.15,
		.faintest = 1e-4},
	{.burst = {{.hz = {350, 440}}},
		.bursts = 1,
		.needed = 1,
		.held_ms = 500,
		.off_hz = 15,
		.faintest = 3e-5},
};

/* Bursts of those tones and of others, at any level, in time and out of it. */
static void make_ringing(uint32_t seed)
{
	chance = seed;
	make_noise(line, MINUTE, 60);
	for (size_t at = 800; at + 12000 < MINUTE;) {
		const struct rc_progress_burst *burst = &TONES[any(3)].burst[0];
		double dbm0 = -3.0 - (double)any(30);
		uint32_t bursts = 1 + any(5);

		for (uint32_t n = 0; n < bursts && at + 12000 < MINUTE; n++) {
			struct rc_tone tone;
			size_t samples = burst->on_ms ? 8 * (size_t)burst->on_ms : 6000;

			double hz = burst->hz[0] + any(12), hz2 = burst->hz[1] + any(12);

			samples += any(300);
			(void)rc_tone_pair(&tone, hz, dbm0, hz2, dbm0, samples);
			samples = rc_tone_next(&tone, other, 7000);
			lay_over(line + at, other, samples);
			at += samples + 8 * (size_t)burst->off_ms + any(300);
		}
	}
}

static void mix_in_table(const struct rc_progress_table *table)
{
	for (uint32_t n = 0; n < table->bands; n++) {
		mix_in_sound(table->band[n].cosine, RC_PROGRESS_WINDOW / 2);
		mix_in_sound(table->band[n].sine, RC_PROGRESS_WINDOW / 2);
		mix_in_real(table->band[n].turn_re);
		mix_in_real(table->band[n].turn_im);
	}
	mix_in_sound(table->hann, RC_PROGRESS_WINDOW / 2);
}

static void dtmf_of_many(void)
{
	enum { EARS = 4, PIECE = 800, EACH = 2 * (PIECE / RC_DTMF_HOP + 1) };
	static struct rc_dtmf ears[EARS];
	static struct rc_dtmf_event told[EARS * EACH];
	size_t counts[EARS];

	make_line(99);
	for (size_t n = 0; n < EARS; n++)
		rc_dtmf_init(&ears[n]);
	for (size_t at = 0; at + EARS * PIECE <= MINUTE; at += EARS * PIECE) {
		rc_dtmf_feed_each(ears, EARS, line + at, PIECE, told, EACH, counts);
		for (size_t n = 0; n < EARS; n++)
			mix_in_tones(told + n * EACH, counts[n]);
	}
}

static void trim(void)
{
	enum { SPANS = MINUTE / 4000 + 1 };
	static struct rc_span spans[SPANS];
	size_t count = 0;

	for (uint32_t seed = 300; seed < 304; seed++) {
		make_line(seed);
		mix_in_real(rc_trim_threshold_dbm0(line, MINUTE));
		mix_in((uint64_t)rc_trim(line, MINUTE, -30.0, 400, 4000, spans, SPANS, &count));
		for (size_t n = 0; n < count; n++) {
			mix_in(spans[n].start);
			mix_in(spans[n].end);
		}
	}
}

static void progress(void)
{
	static struct rc_progress_table table;
	static struct rc_progress ear;
	struct rc_progress_event told[RC_PROGRESS_EVENTS * 16];

	mix_in((uint64_t)rc_progress_table_init(&table, TONES, sizeof TONES / sizeof *TONES));
	mix_in_table(&table);
	for (uint32_t seed = 200; seed < 204; seed++) {
		make_ringing(seed);
		rc_progress_init(&ear, 700, true);
		for (size_t at = 0, samples; at < MINUTE; at += samples) {
			size_t count;

			samples = 1 + any(900);
			if (samples > MINUTE - at)
				samples = MINUTE - at;
			if (any(50) == 0)
				rc_progress_stir(&ear);
			count = rc_progress_feed(
				&ear, &table, line + at, samples, told, sizeof told / sizeof *told);
			for (size_t n = 0; n < count; n++) {
				mix_in(told[n].kind);
				mix_in(told[n].tone);
				mix_in(told[n].at_sample);
				mix_in(told[n].decided_sample);
				things_told++;
			}
			mix_in_real(ear.track[0].plateau);
			mix_in_real(ear.beep.plateau);
		}
	}
}

static void some_levels(uint8_t *levels, uint32_t skills)
{
	for (uint32_t skill = 0; skill < RC_ACD_SKILLS; skill++)
		levels[skill] = (uint8_t)(skill < skills && any(2) ? any(RC_ACD_LEVELS + 2) : 0);
}

static bool met(const struct rc_acd *table, enum rc_status status)
{
	const struct rc_match *match = rc_acd_taken(table);

	mix_in((uint64_t)status);
	if (status != RC_OK)
		return false;
	mix_in((uint64_t)match->call << 32 | match->agent);
	mix_in(match->need);
	things_told++;
	return true;
}

static void acd(void)
{
	enum { AGENTS = 20, CALLS = 50, NEEDS = 70, WORDS = 1 << 17 };
	static uint64_t memory[WORDS];
	uint8_t levels[RC_ACD_SKILLS];
	struct rc_acd *table;
	int64_t due_ms;

	chance = 8;
	if (rc_acd_size(AGENTS, CALLS, NEEDS) > sizeof memory)
		abort();
	table = rc_acd_init(memory, AGENTS, CALLS, NEEDS);
	for (int64_t now_ms = 0; now_ms < 20000; now_ms += any(3)) {
		uint32_t call = any(CALLS + 1), agent = any(AGENTS + 1), need = any(NEEDS + 1);
		uint32_t then = need + any(3);

		if (any(4) == 0) {
			some_levels(levels, 6);
			mix_in((uint64_t)rc_acd_need_is(table, need, levels, any(3000), then));
			some_levels(levels, 6);
			mix_in((uint64_t)rc_acd_agent_knows(table, agent, levels));
		}
		met(table, rc_acd_call_waits(table, call, need, now_ms, any(90000)));
		met(table, rc_acd_agent_free(table, agent, now_ms, now_ms + any(200)));
		mix_in(rc_acd_position(table, call, need));
		if (any(3) == 0)
			mix_in((uint64_t)rc_acd_agent_busy(table, any(AGENTS + 1)));
		if (any(8) == 0)
			mix_in((uint64_t)rc_acd_call_held(table, any(CALLS + 1)));
		if (any(4) == 0)
			met(table, rc_acd_call_returns(table, any(CALLS + 1)));
		while (met(table, rc_acd_time_is(table, now_ms)))
			if (any(2))
				rc_acd_call_leaves(table, rc_acd_taken(table)->call);
			else
				met(table, rc_acd_call_returns(table, rc_acd_taken(table)->call));
		if (rc_acd_next_deadline(table, &due_ms) == RC_OK)
			mix_in((uint64_t)due_ms);
	}
}

static void frames(void)
{
	static struct rc_frame_reader reader;
	struct rc_frame frame;

	chance = 9;
	for (size_t n = 0; n < MINUTE; n++)
		codes[n] = (uint8_t)(any(3) ? 0 : any(256));
	for (size_t at = 0, size; at + LONGEST_PIECE < MINUTE; at += size) {
		const uint8_t *byte = codes + at;
		enum rc_status status;

		size = 1 + any(LONGEST_PIECE);
		while ((status = rc_frame_next(&reader, &byte, codes + at + size, &frame)) ==
			RC_OK) {
			mix_in(frame.kind);
			mix_in(frame.length);
			for (uint16_t n = 0; n < frame.length; n++)
				mix_in(frame.payload[n]);
		}
		mix_in((uint64_t)status);
		if (status == RC_BAD)
			reader = (struct rc_frame_reader){0};
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} PARTS[] = {{"g711", g711}, {"level", level}, {"meter", meter}, {"voice", voice}, {"mix", mix},
	{"tone", tone}, {"dtmf", dtmf}, {"dtmf_of_many", dtmf_of_many}, {"trim", trim},
	{"progress", progress}, {"acd", acd}, {"frames", frames}};

int main(void)
{
	for (size_t n = 0; n < sizeof PARTS / sizeof *PARTS; n++) {
		digest = 0xcbf29ce484222325u;
		things_told = 0;
		PARTS[n].run();
		printf("%s %016llx %llu\n", PARTS[n].name, (unsigned long long)digest,
			(unsigned long long)things_told);
	}
	return 0;
}
