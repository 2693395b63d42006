/* Any two frequencies and levels, not numbers too: a sound is made, in any pieces the same, or it
 * is refused and nothing is written. */
#include "input.h"
#include "rc.h"

enum { LONGEST = 4000 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input input = {bytes, bytes + size};
	double hz = take_real(&input), dbm0 = take_real(&input);
	double hz2 = take_real(&input), dbm02 = take_real(&input);
	size_t samples = take_two(&input) % LONGEST, piece = (size_t)1 + take_byte(&input);
	struct rc_tone tone, before, again;
	int16_t *whole = malloc(samples * sizeof *whole),
		*pieces = malloc(samples * sizeof *pieces);
	size_t made = 0, more;

	memset(&tone, 0x5a, sizeof tone);
	before = tone;
	if (rc_tone_pair(&tone, hz, dbm0, hz2, dbm02, samples) == RC_OK) {
		again = tone;
		must(rc_tone_next(&tone, whole, samples) == samples);
		must(rc_tone_next(&tone, whole, samples) == 0);
		while (made < samples) {
			more = samples - made < piece ? samples - made : piece;
			must(rc_tone_next(&again, pieces + made, more) == more);
			made += more;
		}
		must(memcmp(whole, pieces, samples * sizeof *whole) == 0);
	} else {
		must(memcmp(&tone, &before, sizeof tone) == 0);
	}
	free(whole);
	free(pieces);
	return 0;
}
