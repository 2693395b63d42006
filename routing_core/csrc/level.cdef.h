/* How loud, and whether it is speech. */

/* The level of these samples; digital silence, and none at all, is -99 dBm0. */
double rc_level_dbm0(const int16_t *pcm, size_t samples);

/* The same for many channels at once: `samples` of each, one channel after the other. */
void rc_level_each_dbm0(const int16_t *pcm, size_t channels, size_t samples, double *levels_dbm0);

/* A needle for a panel: up at once with each block of 20 ms, down by 12 dB a second, so that an
 * eye can follow. Any chunk size gives the same answer. */
struct rc_meter {
	double level_dbm0;
	uint64_t energy;   /* of the block being gathered */
	uint32_t gathered; /* samples of it */
	uint32_t peak;     /* the largest magnitude since init: 32767 and more is an overload */
};

void rc_meter_init(struct rc_meter *meter);
void rc_meter_feed(struct rc_meter *meter, const int16_t *pcm, size_t samples);

/* Is somebody speaking? Judged in blocks of 20 ms against the line's own noise: `speaking` turns on
 * 40 ms after speech begins, and off 240 ms after it ends. Gaps of digital silence, as lost frames
 * leave, are not taken for the line's noise. Any chunk size gives the same answer. */
struct rc_voice {
	double floor_dbm0; /* the line's noise, learned */
	uint64_t energy;   /* of the block being gathered */
	uint32_t gathered; /* samples of it */
	uint32_t silent;   /* of those, digital silence */
	uint32_t loud;     /* blocks in a row above the floor */
	uint32_t quiet;    /* blocks in a row near it */
	bool learned;      /* the floor has been set by a first block */
	bool speaking;
	uint64_t spoken_energy; /* of all blocks above the floor */
	uint64_t spoken;        /* samples of them */
};

void rc_voice_init(struct rc_voice *voice);
bool rc_voice_feed(struct rc_voice *voice, const int16_t *pcm, size_t samples);

/* How loud the speaker has been, pauses left out; -99 dBm0 when nobody has spoken. */
double rc_voice_dbm0(const struct rc_voice *voice);
