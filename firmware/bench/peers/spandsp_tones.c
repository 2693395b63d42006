/* libspandsp's supervisory tone receiver as a program, to stand beside our call progress: 16-bit
 * samples on standard input.
 *
 *   spandsp_tones LAPS TONE...  nanoseconds of processor time a sample
 *
 * A tone is F1:F2:LEAST_MS:MOST_MS for each of its bursts and silences, with commas between; -1 is
 * no frequency. Linked against Debian's libspandsp and written from its public headers alone. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <spandsp.h>

enum { MOST_SAMPLES = 1 << 28, PIECE = 8000 };

static void keep_quiet(void *nobody, int tone, int level, int delay)
{
	(void)nobody;
	(void)tone;
	(void)level;
	(void)delay;
}

static void add(super_tone_rx_descriptor_t *table, char *words)
{
	int tone = super_tone_rx_add_tone(table), one, two, least, most;

	for (char *word = strtok(words, ","); word; word = strtok(NULL, ",")) {
		if (sscanf(word, "%d:%d:%d:%d", &one, &two, &least, &most) != 4) {
			fprintf(stderr, "%s is no burst: F1:F2:LEAST_MS:MOST_MS\n", word);
			exit(2);
		}
		super_tone_rx_add_element(table, tone, one, two, least, most);
	}
}

static super_tone_rx_state_t *receiver(char **tones)
{
	super_tone_rx_descriptor_t *table = super_tone_rx_make_descriptor(NULL);

	for (; *tones; tones++)
		add(table, *tones);

	super_tone_rx_state_t *rx = super_tone_rx_init(NULL, table, keep_quiet, NULL);

	if (!rx) {
		fputs("spandsp gave no receiver\n", stderr);
		exit(1);
	}
	return rx;
}

static void feed(super_tone_rx_state_t *rx, const int16_t *audio, long samples)
{
	for (long at = 0; at < samples;)
		at += super_tone_rx(
			rx, audio + at, (int)(samples - at < PIECE ? samples - at : PIECE));
}

static double processor_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
	int16_t *audio = malloc(MOST_SAMPLES * sizeof *audio);
	long laps = argc > 2 ? atol(argv[1]) : 0;

	if (!audio || laps < 1) {
		fputs("say: spandsp_tones LAPS TONE..., on a machine with memory\n", stderr);
		return 2;
	}
	long samples = (long)fread(audio, sizeof *audio, MOST_SAMPLES, stdin);
	super_tone_rx_state_t *rx = receiver(argv + 2);
	double began = processor_ns();

	for (long lap = 0; lap < laps; lap++)
		feed(rx, audio, samples);
	printf("%.4f\n", (processor_ns() - began) / ((double)samples * (double)laps));
	free(audio);
	return 0;
}
