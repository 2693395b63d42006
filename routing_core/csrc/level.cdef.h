/* How loud, and whether it is speech. */

/* The level of these samples; digital silence, and none at all, is -99 dBm0. */
double rc_level_dbm0(const int16_t *pcm, size_t samples);

/* Is somebody speaking? Judged in blocks of 20 ms against the line's own noise: `speaking` turns on
 * 40 ms after speech begins, and off 240 ms after it ends. Any chunk size gives the same answer. */
struct rc_voice {
	double floor_dbm0; /* the line's noise, learned */
	uint64_t energy;   /* of the block being gathered */
	uint32_t gathered; /* samples of it */
	uint32_t loud;     /* blocks in a row above the floor */
	uint32_t quiet;    /* blocks in a row near it */
	bool learned;      /* the floor has been set by a first block */
	bool speaking;
};

void rc_voice_init(struct rc_voice *voice);
bool rc_voice_feed(struct rc_voice *voice, const int16_t *pcm, size_t samples);
