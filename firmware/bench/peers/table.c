/* G.711 and mixing as a textbook has them, to stand beside ours: a table of 64 Ki codes, a table of
 * 256 values, a sum that is clamped. 16-bit samples on standard input.
 *
 *   table WHAT LAPS  nanoseconds of processor time a sample, over LAPS times the same audio
 *
 * WHAT: alaw-encode alaw-decode ulaw-encode ulaw-decode mix */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_SAMPLES = 1 << 24, PIECE = 10240 };

/* Seen from outside, so that no compiler leaves out what nobody reads. */
int16_t audio[MOST_SAMPLES], out[PIECE], values[256];
uint8_t codes[PIECE], coded[65536];

static int alaw_value(int code)
{
	int bits = code ^ 0x55, segment = bits >> 4 & 7, step = bits & 15;
	int middle = segment ? (step * 16 + 264) << (segment - 1) : step * 16 + 8;

	return bits & 0x80 ? middle : -middle;
}

static int ulaw_value(int code)
{
	int bits = ~code & 0xff, segment = bits >> 4 & 7, step = bits & 15;
	int middle = ((step * 8 + 132) << segment) - 132;

	return bits & 0x80 ? -middle : middle;
}

/* Every sample's code is the one whose value is nearest. */
static void make_tables(int (*value_of)(int))
{
	for (int code = 0; code < 256; code++)
		values[code] = (int16_t)value_of(code);
	for (int sample = -32768; sample < 32768; sample++) {
		int best = 0;

		for (int code = 1; code < 256; code++)
			if (abs(values[code] - sample) < abs(values[best] - sample))
				best = code;
		coded[(uint16_t)sample] = (uint8_t)best;
	}
}

static void encode(const int16_t *pcm, const int16_t *unused)
{
	(void)unused;
	for (int n = 0; n < PIECE; n++)
		codes[n] = coded[(uint16_t)pcm[n]];
}

/* The samples' own bytes are codes as good as any. */
static void decode(const int16_t *pcm, const int16_t *unused)
{
	const uint8_t *from = (const uint8_t *)pcm;

	(void)unused;
	for (int n = 0; n < PIECE; n++)
		out[n] = values[from[n]];
}

static void mix(const int16_t *one, const int16_t *other)
{
	for (int n = 0; n < PIECE; n++) {
		int sum = one[n] + other[n];

		out[n] = (int16_t)(sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum);
	}
}

static double processor_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
	long samples = (long)fread(audio, sizeof *audio, MOST_SAMPLES, stdin) / PIECE * PIECE;
	const char *what = argc == 3 ? argv[1] : "";
	long laps = argc == 3 ? atol(argv[2]) : 0;
	void (*work)(const int16_t *, const int16_t *) = decode;

	if (strcmp(what, "mix") == 0)
		work = mix;
	else if (strstr(what, "encode"))
		work = encode;
	if (laps < 1 || samples < 2 * PIECE) {
		fputs("say: table WHAT LAPS, with two pieces of audio or more\n", stderr);
		return 2;
	}
	if (work != mix)
		make_tables(strstr(what, "alaw") ? alaw_value : ulaw_value);

	double began = processor_ns();

	for (long lap = 0; lap < laps; lap++)
		for (long at = 0; at < samples; at += PIECE) {
			work(audio + at, audio + (at + PIECE) % samples);
			__asm__ volatile("" ::: "memory");
		}
	printf("%.5f\n", (processor_ns() - began) / ((double)samples * (double)laps));
	return 0;
}
