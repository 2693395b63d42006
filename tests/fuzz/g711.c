/* Any sound, cut anywhere: both laws code it as in one piece, a sample that came back comes back
 * again as the same, and as near as its segment's step. */
#include "input.h"
#include "rc.h"

typedef void encoder(const int16_t *pcm, uint8_t *codes, size_t samples);
typedef void decoder(const uint8_t *codes, int16_t *pcm, size_t samples);

/* Half of the widest step, and of the narrowest: what lies beyond the last value comes as that. */
static void come_back(int16_t sample, int16_t back)
{
	int magnitude = sample < 0 ? -(int)sample : sample;
	int apart = abs(sample - back);

	must(apart <= 16 + magnitude / 32 || (magnitude > 32000 && apart < 1024));
}

static void code_in_two(
	const int16_t *pcm, size_t samples, size_t cut, encoder *encode, decoder *decode)
{
	uint8_t *whole = malloc(samples), *codes = malloc(samples);
	int16_t *back = malloc(samples * sizeof *back);

	encode(pcm, whole, samples);
	encode(pcm, codes, cut);
	encode(pcm + cut, codes + cut, samples - cut);
	must(memcmp(whole, codes, samples) == 0);
	decode(codes, back, cut);
	decode(codes + cut, back + cut, samples - cut);
	for (size_t n = 0; n < samples; n++)
		come_back(pcm[n], back[n]);
	free(whole);
	free(codes);
	free(back);
}

static void decode_any(const uint8_t *bytes, size_t size, decoder *decode, encoder *encode)
{
	uint8_t *codes = exactly(bytes, size), *again = malloc(size);
	int16_t *pcm = malloc(size * sizeof *pcm), *back = malloc(size * sizeof *back);

	decode(codes, pcm, size);
	encode(pcm, again, size);
	decode(again, back, size);
	must(memcmp(pcm, back, size * sizeof *pcm) == 0);
	free(codes);
	free(again);
	free(pcm);
	free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	size_t samples = size / 2, cut;
	int16_t *pcm;

	if (samples == 0)
		return 0;
	pcm = exactly(bytes, samples * sizeof *pcm);
	cut = bytes[0] % (samples + 1);
	code_in_two(pcm, samples, cut, rc_alaw_encode, rc_alaw_decode);
	code_in_two(pcm, samples, cut, rc_ulaw_encode, rc_ulaw_decode);
	decode_any(bytes, size, rc_alaw_decode, rc_alaw_encode);
	decode_any(bytes, size, rc_ulaw_decode, rc_ulaw_encode);
	free(pcm);
	return 0;
}
