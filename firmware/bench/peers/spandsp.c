/* libspandsp's DTMF receiver as a program, to stand beside ours: 16-bit samples on standard input.
 *
 *   spandsp hear       per digit: the digit, and how many samples had been heard when it was told
 *   spandsp pace LAPS  nanoseconds of processor time a sample, over LAPS times the same audio
 *
 * Linked against Debian's libspandsp and written from its public headers alone. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <spandsp.h>

enum { MOST_SAMPLES = 1 << 28, PIECE = 8000 };

static long heard_samples;

static void tell(void *nobody, const char *digits, int count)
{
	(void)nobody;
	for (int n = 0; n < count; n++)
		printf("%c %ld\n", digits[n], heard_samples);
}

static void keep_quiet(void *nobody, const char *digits, int count)
{
	(void)nobody;
	(void)digits;
	(void)count;
}

static dtmf_rx_state_t *receiver(digits_rx_callback_t told)
{
	dtmf_rx_state_t *rx = dtmf_rx_init(NULL, told, NULL);

	if (!rx) {
		fputs("spandsp gave no receiver\n", stderr);
		exit(1);
	}
	return rx;
}

/* One sample at a time, so that a digit's moment is exact. */
static void hear(const int16_t *audio, long samples)
{
	dtmf_rx_state_t *rx = receiver(tell);

	for (long n = 0; n < samples; n++) {
		heard_samples = n + 1;
		dtmf_rx(rx, audio + n, 1);
	}
	dtmf_rx_free(rx);
}

static double processor_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

static void pace(const int16_t *audio, long samples, long laps)
{
	dtmf_rx_state_t *rx = receiver(keep_quiet);
	double began = processor_ns();

	for (long lap = 0; lap < laps; lap++)
		for (long at = 0; at < samples; at += PIECE)
			dtmf_rx(rx, audio + at, (int)(samples - at < PIECE ? samples - at : PIECE));
	printf("%.4f\n", (processor_ns() - began) / ((double)samples * (double)laps));
	dtmf_rx_free(rx);
}

int main(int argc, char **argv)
{
	int16_t *audio = malloc(MOST_SAMPLES * sizeof *audio);

	if (!audio) {
		fputs("no memory for the audio\n", stderr);
		return 1;
	}
	long samples = (long)fread(audio, sizeof *audio, MOST_SAMPLES, stdin);

	if (argc == 2 && strcmp(argv[1], "hear") == 0) {
		hear(audio, samples);
	} else if (argc == 3 && strcmp(argv[1], "pace") == 0 && atol(argv[2]) > 0) {
		pace(audio, samples, atol(argv[2]));
	} else {
		fputs("say: spandsp hear, or: spandsp pace LAPS\n", stderr);
		return 2;
	}
	free(audio);
	return 0;
}
