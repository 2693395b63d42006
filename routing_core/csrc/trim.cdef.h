/* What of a recorded message is worth hearing: no silence before and after, no long pauses in it.
 * Where a voice cannot be told from its line's noise, all is. */

/* What is louder counts as speech in this message, by blocks of 20 ms: 6 dB above its noise,
 * which is the quietest tenth of it, but at least 20 dB below its voice, which is the loudest. */
double rc_trim_threshold_dbm0(const int16_t *pcm, size_t samples);

struct rc_span {
	size_t start, end; /* samples; `end` is the first not in it */
};

/* Writes the spans to keep, in order, and how many there are. Each stretch of speech keeps `around`
 * samples before and after it, a pause longer than `longest_pause` loses its middle, and nothing
 * louder than the threshold is ever left out. RC_BAD for a longest pause of less than twice
 * `around`, or of none at all; RC_FULL where `room` is less than samples / longest_pause + 1. */
enum rc_status rc_trim(const int16_t *pcm, size_t samples, double threshold_dbm0, size_t around,
	size_t longest_pause, struct rc_span *keeps, size_t room, size_t *count);
