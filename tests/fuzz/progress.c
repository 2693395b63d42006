/* Any table of tones and any sound, in any pieces: the table is refused or holds, and the events
 * are the same as in one piece, in order, and no more than promised.
 *
 * The first byte says how the sound is cut, the second what is listened for, then the table; what
 * is left is sound, each two bytes a piece of a tone, of silence or of noise, so that bursts
 * happen. */
#include <stdlib.h>
#include <string.h>

#include "rc.h"

enum {
	MOST_SAMPLES = 1 << 14,
	MOST_EVENTS = RC_PROGRESS_EVENTS * (MOST_SAMPLES / RC_PROGRESS_HOP + 1)
};

static const uint8_t *bytes, *end;

static uint8_t next(void)
{
	return bytes < end ? *bytes++ : 0;
}

static uint32_t ms(void)
{
	return (uint32_t)next() * 8;
}

static struct rc_progress_tone a_tone(void)
{
	struct rc_progress_tone tone = {
		.bursts = next() % 6, .needed = next() % 8, .held_ms = ms()};

	tone.off_hz = next() / 4.0;
	tone.off_part = next() / 512.0;
	tone.faintest = next() / 65536.0;
	for (size_t n = 0; n < RC_PROGRESS_BURSTS; n++) {
		uint8_t lines = next() % (RC_PROGRESS_LINES + 1);
		double hz = 0.0;

		for (size_t line = 0; line < lines; line++)
			tone.burst[n].hz[line] = hz += next() * 10.0;
		tone.burst[n].on_ms = ms();
		tone.burst[n].off_ms = ms();
	}
	return tone;
}

/* A triangle of some pitch, in which its first sine is nearly alone, or noise; as loud and as long
 * as the second byte says. */
static size_t a_sound(int16_t *pcm, size_t room, uint32_t *noise)
{
	uint8_t what = next(), how = next();
	size_t samples = (size_t)(how & 31) * 64;

	if (samples > room)
		samples = room;
	for (size_t n = 0; n < samples; n++) {
		uint16_t phase = (uint16_t)(n * what * 512);
		int32_t wave = (phase < 32768 ? phase : 65535 - phase) * 2 - 32768;

		*noise = *noise * 1664525u + 1013904223u;
		if (how & 32)
			wave = (int32_t)(*noise >> 16) - 32768;
		pcm[n] = (int16_t)(wave >> (how >> 6) * 3);
	}
	return samples;
}

static size_t fed(const struct rc_progress_table *table, const int16_t *pcm, size_t samples,
	size_t piece, uint8_t listens, struct rc_progress_event *events)
{
	struct rc_progress *progress = malloc(sizeof *progress);
	size_t count = 0;

	rc_progress_init(progress, listens & 1 ? (uint32_t)listens * 4 : 0, listens & 2);
	for (size_t at = 0; at < samples; at += piece) {
		size_t part = samples - at < piece ? samples - at : piece;
		size_t room = RC_PROGRESS_EVENTS * (part / RC_PROGRESS_HOP + 1);
		int16_t *lent =
			malloc(part * sizeof *lent); /* of its very size, for the sanitizer */

		if (room > MOST_EVENTS - count)
			room = MOST_EVENTS - count;
		memcpy(lent, pcm + at, part * sizeof *lent);
		count += rc_progress_feed(progress, table, lent, part, events + count, room);
		free(lent);
	}
	free(progress);
	return count;
}

static void check(const struct rc_progress_event *event, uint32_t tones, size_t samples)
{
	if (event->kind < RC_PROGRESS_RECOGNISED || event->kind > RC_PROGRESS_SILENCE)
		abort();
	if (event->kind <= RC_PROGRESS_ENDED && event->tone >= tones)
		abort();
	if (event->at_sample > event->decided_sample || event->decided_sample > samples)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct rc_progress_event whole[MOST_EVENTS], cut[MOST_EVENTS];
	static int16_t pcm[MOST_SAMPLES];
	struct rc_progress_tone tones[RC_PROGRESS_TONES + 1];
	struct rc_progress_table table;
	uint32_t noise = 1;
	size_t samples = 0;

	bytes = input;
	end = input + size;

	size_t piece = (size_t)next() + 1;
	uint8_t listens = next(), count = next() % (RC_PROGRESS_TONES + 2);

	for (size_t n = 0; n < count; n++)
		tones[n] = a_tone();
	if (rc_progress_table_init(&table, tones, count) != RC_OK)
		return 0;
	while (bytes < end && samples < MOST_SAMPLES)
		samples += a_sound(pcm + samples, MOST_SAMPLES - samples, &noise);

	size_t told = fed(&table, pcm, samples, MOST_SAMPLES, listens, whole);
	size_t told_cut = fed(&table, pcm, samples, piece, listens, cut);

	if (told != told_cut)
		abort();
	for (size_t n = 0; n < told; n++) {
		check(&whole[n], table.tones, samples);
		if (whole[n].kind != cut[n].kind || whole[n].tone != cut[n].tone ||
			whole[n].at_sample != cut[n].at_sample ||
			whole[n].decided_sample != cut[n].decided_sample)
			abort();
	}
	return 0;
}
