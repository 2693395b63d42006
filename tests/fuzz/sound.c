/* Any sound, in any pieces: levels lie on the scale, voice is judged as in one piece, what is mixed
 * or amplified in pieces is what it would be in one, and what is trimmed away is not loud. */
#include "input.h"
#include "rc.h"

static void judge(const int16_t *pcm, size_t samples, size_t piece)
{
	struct rc_meter needle, needle_cut;
	struct rc_voice whole, cut;
	double level = rc_level_dbm0(pcm, samples);
	bool speaks = false;

	must(level >= -99.0 && level < 6.2);
	rc_voice_init(&whole);
	rc_voice_init(&cut);
	rc_meter_init(&needle);
	rc_meter_init(&needle_cut);
	(void)rc_voice_feed(&whole, pcm, samples);
	rc_meter_feed(&needle, pcm, samples);
	for (size_t at = 0; at < samples; at += piece)
		rc_meter_feed(&needle_cut, pcm + at, samples - at < piece ? samples - at : piece);
	must(needle.peak == needle_cut.peak && needle.peak <= 32768);
	must(needle.level_dbm0 >= needle_cut.level_dbm0 && needle.level_dbm0 < 6.2);
	must(needle.level_dbm0 <= needle_cut.level_dbm0);
	for (size_t at = 0; at < samples; at += piece)
		speaks = rc_voice_feed(&cut, pcm + at, samples - at < piece ? samples - at : piece);
	must(speaks == whole.speaking && cut.loud == whole.loud && cut.quiet == whole.quiet);
}

static void amplify(struct input *input, const int16_t *pcm, size_t samples, size_t piece)
{
	double from_db = take_real(input), to_db = take_real(input);
	uint32_t slope = take_two(input);
	struct rc_gain gain, again;
	int16_t *whole = exactly(pcm, samples * sizeof *pcm);
	int16_t *cut = exactly(pcm, samples * sizeof *pcm);

	memset(&gain, 0, sizeof gain);
	if (rc_gain_set(&gain, from_db) != RC_OK)
		must(!(from_db <= 6.0));
	if (rc_gain_aim(&gain, to_db, slope) != RC_OK)
		must(!(to_db <= 6.0));
	again = gain;
	rc_gain_mix(&gain, pcm, whole, samples);
	for (size_t at = 0; at < samples; at += piece)
		rc_gain_mix(
			&again, pcm + at, cut + at, samples - at < piece ? samples - at : piece);
	must(memcmp(whole, cut, samples * sizeof *whole) == 0);
	rc_gain_apply(&gain, cut, cut, samples);
	rc_mix(pcm, cut, whole, samples);
	free(whole);
	free(cut);
}

static void trim(struct input *input, const int16_t *pcm, size_t samples)
{
	size_t around = take_byte(input), longest_pause = 2 * around + take_two(input), count = 0;
	double threshold_dbm0 =
		has_more(input) ? take_real(input) : rc_trim_threshold_dbm0(pcm, samples);
	size_t room = longest_pause > 0 ? samples / longest_pause + 1 : 1, at = 0;
	struct rc_span *keeps = malloc(room * sizeof *keeps);
	enum rc_status status =
		rc_trim(pcm, samples, threshold_dbm0, around, longest_pause, keeps, room, &count);

	must(keeps != NULL && (status == RC_OK || status == RC_BAD) && count <= room);
	for (size_t n = 0; n < count; n++) {
		must(at <= keeps[n].start && keeps[n].start < keeps[n].end);
		must(n == 0 || keeps[n].start > at);
		at = keeps[n].end;
	}
	must(at <= samples);
	must(status == RC_BAD || rc_trim(pcm, samples, threshold_dbm0, around, longest_pause, keeps,
					 room - 1, &count) == RC_FULL);
	free(keeps);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input input = {bytes, bytes + size};
	size_t piece = (size_t)1 + take_byte(&input), samples = (size_t)(input.end - input.at) / 2;
	int16_t *pcm = exactly(input.at, samples * sizeof *pcm);

	if (samples > 0) {
		judge(pcm, samples, piece);
		amplify(&input, pcm, samples, piece);
		trim(&input, pcm, samples);
	}
	free(pcm);
	return 0;
}
