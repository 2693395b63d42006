/* One or two sines with 5 ms of rise and fall, as one sound of a given length. */
struct rc_sine {
	double re, im;           /* where the phasor points; its length is the amplitude */
	double turn_re, turn_im; /* one sample's turn */
};

struct rc_tone {
	struct rc_sine sine[2];
	uint64_t at;      /* samples made */
	uint64_t samples; /* samples in all */
};

/* RC_BAD for a frequency outside 0 < Hz < 4000 or a level above +3.14 dBm0. For a single sine give
 * it -99 dBm0 as the second's level. */
enum rc_status rc_tone_pair(
	struct rc_tone *tone, double hz, double dbm0, double hz2, double dbm02, uint64_t samples);

/* The pair of ITU-T Q.23 for 0-9 * # A-D, each tone at `dbm0`. RC_BAD for another character. */
enum rc_status rc_tone_digit(struct rc_tone *tone, char digit, double dbm0, uint64_t samples);

/* The tone after which a caller speaks: 1 kHz, -10 dBm0, 0.3 s. */
void rc_tone_beep(struct rc_tone *tone);

/* Makes up to `samples` more of it and returns how many; 0 once it is over. The sum is clipped to
 * 16 bit. */
size_t rc_tone_next(struct rc_tone *tone, int16_t *pcm, size_t samples);
