/* ITU-T G.711, both laws. A code is a sign, a segment of 3 bits and 4 bits within it; the
 * standard's tables 1a/1b (A-law, 13 bit) and 2a/2b (mu-law, 14 bit) are these two formulas, and a
 * value goes to the interval that holds it. */
#include "rc.h"

enum {
	SIGN = 0x80,
	ALAW_EVEN_BITS = 0x55, /* A-law inverts every other bit for the line */
	ULAW_BIAS = 33 << 2,   /* mu-law's 33, in 16-bit steps */
	ULAW_CLIP = 8158 << 2, /* the last decision value, in 16-bit steps */
};

/* The number of the highest bit set; value > 0. */
static int top_bit(unsigned value)
{
	return 31 - __builtin_clz(value);
}

static uint8_t alaw_code(int16_t sample)
{
	/* A-law has no zero: -1 lies in the first negative interval, so ~ and not - folds it. */
	unsigned magnitude = (unsigned)(sample < 0 ? ~sample : sample) >> 4;
	unsigned sign = sample < 0 ? 0 : SIGN;
	unsigned code = magnitude; /* the first two segments have the same steps */

	if (magnitude >= 32) {
		int segment = top_bit(magnitude) - 3;

		code = (unsigned)segment << 4 | (magnitude >> (segment - 1) & 15);
	}
	return (uint8_t)((sign | code) ^ ALAW_EVEN_BITS);
}

static int16_t alaw_value(uint8_t code)
{
	unsigned bits = code ^ ALAW_EVEN_BITS;
	int segment = (int)(bits >> 4 & 7), step = (int)(bits & 15);
	int magnitude = segment == 0 ? (step << 4) + 8 : ((step << 4) + 8 + 256) << (segment - 1);

	return (int16_t)(bits & SIGN ? magnitude : -magnitude);
}

static uint8_t ulaw_code(int16_t sample)
{
	int magnitude = sample < 0 ? -(int)sample : sample;

	if (magnitude > ULAW_CLIP)
		magnitude = ULAW_CLIP;
	magnitude += ULAW_BIAS;

	int segment = top_bit((unsigned)magnitude) - 7;
	int code = segment << 4 | (magnitude >> (segment + 3) & 15);

	return (uint8_t)((code | (sample < 0 ? SIGN : 0)) ^ 0xff);
}

static int16_t ulaw_value(uint8_t code)
{
	int bits = ~code & 0xff;
	int segment = bits >> 4 & 7, step = bits & 15;
	int magnitude = (((step << 3) + ULAW_BIAS) << segment) - ULAW_BIAS;

	return (int16_t)(bits & SIGN ? -magnitude : magnitude);
}

void rc_alaw_encode(const int16_t *pcm, uint8_t *codes, size_t samples)
{
	for (size_t n = 0; n < samples; n++)
		codes[n] = alaw_code(pcm[n]);
}

void rc_alaw_decode(const uint8_t *codes, int16_t *pcm, size_t samples)
{
	for (size_t n = 0; n < samples; n++)
		pcm[n] = alaw_value(codes[n]);
}

void rc_ulaw_encode(const int16_t *pcm, uint8_t *codes, size_t samples)
{
	for (size_t n = 0; n < samples; n++)
		codes[n] = ulaw_code(pcm[n]);
}

void rc_ulaw_decode(const uint8_t *codes, int16_t *pcm, size_t samples)
{
	for (size_t n = 0; n < samples; n++)
		pcm[n] = ulaw_value(codes[n]);
}
