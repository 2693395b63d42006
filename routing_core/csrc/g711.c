/* ITU-T G.711, both laws.
 *
 * A code is a sign, a segment of 3 bits and a step of 4 bits within it, each segment twice as wide
 * as the one before (tables 1a and 1b for A-law, 2a and 2b for mu-law). A float's exponent is that
 * segment and the first bits of its fraction are that step: so the processor's own conversion
 * codes, exactly, and several samples at once, for the loops are short and have no branch. Decoding
 * is a table of 256 middles of steps.
 *
 * Where a value is a decision value itself, which the standard leaves open, the interval above has
 * it, as in ITU-T's own tools (G.191): negative values are folded by their ones' complement. */
#include <float.h>
#include <string.h>

#include "rc.h"

_Static_assert(FLT_RADIX == 2 && FLT_MANT_DIG == 24 && FLT_MAX_EXP == 128, "float is binary32");

enum {
	PIECE = 32, /* samples at once */
	SIGN = 0x80,
	STEPS = 16, /* of a segment */

	/* of a float's bits: where the step ends, and what 128.0 has from there upwards */
	STEP_AT = 23 - 4,
	SEGMENT_0 = (127 + 7) * STEPS,

	ALAW_STEP = 4,       /* bits: how wide the steps of the first two segments are */
	ALAW_ON_LINE = 0x55, /* every other bit is inverted */

	/* mu-law's segments are moved by 33 of the standard's 14 bits, so that all are alike */
	ULAW_BIAS = 33 * 4,
	ULAW_MOST = 8158 * 4, /* its last decision value */
};

/* 0 upwards as it is, -1 as 0, and so on. */
static int16_t folded(int16_t sample)
{
	return (int16_t)(sample ^ (sample >> 15));
}

static int16_t lesser(int16_t a, int16_t b)
{
	return a < b ? a : b;
}

static int16_t greater(int16_t a, int16_t b)
{
	return a > b ? a : b;
}

/* Segment and step of magnitudes from 128 upwards; of those below, something negative. */
static void find_steps(const int16_t *restrict magnitudes, int16_t *restrict steps, size_t samples)
{
	for (size_t n = 0; n < samples; n++) {
		float magnitude = magnitudes[n];
		uint32_t bits;

		memcpy(&bits, &magnitude, sizeof bits);
		steps[n] = (int16_t)((bits >> STEP_AT) - SEGMENT_0);
	}
}

/* The first segment goes on in the steps of the second, which a float does not. */
static void alaw_encode(const int16_t *restrict pcm, uint8_t *restrict codes, size_t samples)
{
	int16_t magnitudes[PIECE], steps[PIECE];

	for (size_t n = 0; n < samples; n++)
		magnitudes[n] = folded(pcm[n]);
	find_steps(magnitudes, steps, samples);
	for (size_t n = 0; n < samples; n++) {
		int16_t first = lesser((int16_t)(folded(pcm[n]) >> ALAW_STEP), STEPS);
		int sign = ~(pcm[n] >> 15) & SIGN;

		codes[n] = (uint8_t)((sign | greater(first, steps[n])) ^ ALAW_ON_LINE);
	}
}

static void ulaw_encode(const int16_t *restrict pcm, uint8_t *restrict codes, size_t samples)
{
	int16_t magnitudes[PIECE], steps[PIECE];

	for (size_t n = 0; n < samples; n++)
		magnitudes[n] = (int16_t)(lesser(folded(pcm[n]), ULAW_MOST) + ULAW_BIAS);
	find_steps(magnitudes, steps, samples);
	for (size_t n = 0; n < samples; n++)
		codes[n] = (uint8_t)~(steps[n] | (pcm[n] >> 15 & SIGN));
}

/* Whole pieces come first: their length is known to the compiler. */
void rc_alaw_encode(const int16_t *pcm, uint8_t *codes, size_t samples)
{
	size_t n = 0;

	for (; samples - n >= PIECE; n += PIECE)
		alaw_encode(pcm + n, codes + n, PIECE);
	alaw_encode(pcm + n, codes + n, samples - n);
}

void rc_ulaw_encode(const int16_t *pcm, uint8_t *codes, size_t samples)
{
	size_t n = 0;

	for (; samples - n >= PIECE; n += PIECE)
		ulaw_encode(pcm + n, codes + n, PIECE);
	ulaw_encode(pcm + n, codes + n, samples - n);
}

/* The middles of steps, as 16-bit magnitudes. */
#define WITHIN(step) ((step) & 15)
#define SEGMENT(step) ((step) >> 4 & 7)
#define ALAW_MIDDLE(step) \
	(SEGMENT(step) == 0 ? WITHIN(step) * 16 + 8 \
			    : (WITHIN(step) * 16 + 264) << SEGMENT(step) >> 1)
#define ULAW_MIDDLE(step) (((WITHIN(step) * 8 + 4 + 128) << SEGMENT(step)) - ULAW_BIAS)

#define ALAW_VALUE(code) \
	((code) & SIGN ? ALAW_MIDDLE((code) ^ ALAW_ON_LINE) : -ALAW_MIDDLE((code) ^ ALAW_ON_LINE))
#define ULAW_VALUE(code) ((code) & SIGN ? ULAW_MIDDLE(~(code)) : -ULAW_MIDDLE(~(code)))

#define FOUR(value, code) value(code), value((code) + 1), value((code) + 2), value((code) + 3)
#define SIXTEEN(value, code) \
	FOUR(value, code), FOUR(value, (code) + 4), FOUR(value, (code) + 8), \
		FOUR(value, (code) + 12)
#define SIXTY_FOUR(value, code) \
	SIXTEEN(value, code), SIXTEEN(value, (code) + 16), SIXTEEN(value, (code) + 32), \
		SIXTEEN(value, (code) + 48)
#define EVERY(value) \
	{SIXTY_FOUR(value, 0), SIXTY_FOUR(value, 64), SIXTY_FOUR(value, 128), \
		SIXTY_FOUR(value, 192)}

static const int16_t ALAW_VALUES[UINT8_MAX + 1] = EVERY(ALAW_VALUE);
static const int16_t ULAW_VALUES[UINT8_MAX + 1] = EVERY(ULAW_VALUE);

void rc_alaw_decode(const uint8_t *codes, int16_t *pcm, size_t samples)
{
	for (size_t n = 0; n < samples; n++)
		pcm[n] = ALAW_VALUES[codes[n]];
}

void rc_ulaw_decode(const uint8_t *codes, int16_t *pcm, size_t samples)
{
	for (size_t n = 0; n < samples; n++)
		pcm[n] = ULAW_VALUES[codes[n]];
}
