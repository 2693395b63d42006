/* Any sound, in any pieces: the detector tells the same of it as in one piece, and what it tells is
 * possible: keys that exist, each begun before it ends, nothing known before it was heard.
 *
 * The input is a score, so that keys are soon among what is heard: a byte says what comes, and the
 * next ones how. */
#include "input.h"
#include "rc.h"

enum { LONGEST = 16000, ROOM = 2 * (LONGEST / RC_DTMF_HOP + 1) };

static int16_t sound[LONGEST];
static struct rc_dtmf_event whole[ROOM], cut[ROOM];
static struct rc_dtmf ear;

static size_t play(struct input *score, int16_t *to, size_t room)
{
	uint8_t what = take_byte(score);
	size_t length = (size_t)1 + take_byte(score) * 8u;
	double dbm0 = 3.0 - take_byte(score) / 4.0, hz, hz2;
	struct rc_tone tone;

	if (length > room)
		length = room;
	switch (what % 4) {
	case 0:
		must(rc_tone_digit(&tone, "123A456B789C*0#D"[what >> 4], dbm0, length) == RC_OK);
		return rc_tone_next(&tone, to, length);
	case 1:
		hz = 600.0 + take_two(score) % 400;
		hz2 = 1100.0 + take_two(score) % 700;
		must(rc_tone_pair(&tone, hz, dbm0, hz2, dbm0 - take_byte(score) / 16.0, length) ==
			RC_OK);
		return rc_tone_next(&tone, to, length);
	case 2:
		memset(to, 0, length * sizeof *to);
		return length;
	default:
		take(score, to, length * sizeof *to);
		return length;
	}
}

static size_t hear(size_t samples, size_t piece, struct rc_dtmf_event *told)
{
	size_t count = 0;

	rc_dtmf_init(&ear);
	for (size_t at = 0; at < samples; at += piece) {
		size_t part = samples - at < piece ? samples - at : piece;
		int16_t *heard = exactly(sound + at, part * sizeof *heard);

		count += rc_dtmf_feed(&ear, heard, part, told + count, ROOM - count);
		free(heard);
	}
	return count;
}

static bool is_alike(const struct rc_dtmf_event *one, const struct rc_dtmf_event *other)
{
	return one->kind == other->kind && one->digit == other->digit &&
	       one->at_sample == other->at_sample && one->decided_sample == other->decided_sample;
}

static void check(const struct rc_dtmf_event *told, size_t count, size_t samples)
{
	for (size_t n = 0; n < count; n++) {
		must(told[n].digit && strchr("0123456789*#ABCD", told[n].digit));
		must(told[n].kind == (n % 2 ? RC_DTMF_ENDED : RC_DTMF_BEGAN));
		must(told[n].at_sample <= told[n].decided_sample);
		must(told[n].decided_sample <= samples);
		if (n % 2)
			must(told[n].digit == told[n - 1].digit);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input score = {bytes, bytes + size};
	size_t piece = (size_t)1 + take_byte(&score), samples = 0, count;

	while (has_more(&score) && samples < LONGEST)
		samples += play(&score, sound + samples, LONGEST - samples);
	count = hear(samples, LONGEST, whole);
	check(whole, count, samples);
	must(hear(samples, piece, cut) == count);
	for (size_t n = 0; n < count; n++)
		must(is_alike(&whole[n], &cut[n]));
	return 0;
}
