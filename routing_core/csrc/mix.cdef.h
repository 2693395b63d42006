/* Sounds on top of each other, and gains that move without a click. All is integer arithmetic: the
 * same samples on every machine. Outputs may be the inputs themselves, but not overlap them
 * otherwise. */

/* out = a + b; what does not fit 16 bit stays at their end. */
void rc_mix(const int16_t *a, const int16_t *b, int16_t *out, size_t samples);

/* One signal's gain. A step of gain is heard as a click, so a gain moves to its aim in a straight
 * line; any chunk size gives the same samples. All zero is silence. */
struct rc_gain {
	int32_t now;   /* 1 << 30 is 0 dB */
	int32_t step;  /* a sample's change of `now`, while it moves */
	int32_t aim;   /* where it will be */
	uint32_t left; /* samples until then */
};

/* RC_BAD for a gain above +6 dB or none at all (NaN). From -84 dB downwards it is silence; at 0 dB
 * samples pass unchanged. `rc_gain_aim` begins from where the gain is now, `rc_gain_set` is there
 * at once. */
enum rc_status rc_gain_set(struct rc_gain *gain, double db);
enum rc_status rc_gain_aim(struct rc_gain *gain, double db, uint32_t samples);

/* out = in with the gain. */
void rc_gain_apply(struct rc_gain *gain, const int16_t *in, int16_t *out, size_t samples);

/* onto = onto + in with the gain: music under a prompt. */
void rc_gain_mix(struct rc_gain *gain, const int16_t *in, int16_t *onto, size_t samples);

/* The same for many channels at once: `samples` of each, one channel after the other. */
void rc_gain_apply_each(
	struct rc_gain *gains, size_t channels, const int16_t *in, int16_t *out, size_t samples);
void rc_gain_mix_each(
	struct rc_gain *gains, size_t channels, const int16_t *in, int16_t *onto, size_t samples);
