/* Call progress: which tone of the telephone network is on the line, and when it ended.
 *
 * A tone is one to four bursts that come round again, each of one to four frequencies; or one that
 * goes on. A country's tones and a learned one are the same kind of thing: entries of a table, made
 * once and shared by any number of calls. Windows of 20 ms, one each 8 ms; any chunk size gives the
 * same answer, and the same bits on every processor. */
enum {
	RC_PROGRESS_TONES = 16,  /* in one table */
	RC_PROGRESS_BURSTS = 4,  /* in one tone */
	RC_PROGRESS_LINES = 4,   /* frequencies in one burst */
	RC_PROGRESS_LOW = 3,     /* filters of what is no tone: 0, 50 and 100 Hz */
	RC_PROGRESS_CHORDS = 16, /* different sets of frequencies in one table */
	RC_PROGRESS_BANDS = 24,  /* filters in one table: frequencies under 70 Hz apart share one */
	RC_PROGRESS_WINDOW = 160, /* samples looked at together */
	RC_PROGRESS_HOP = 64,     /* samples from one look to the next */
	RC_PROGRESS_PEAK =
		3200, /* of the filters: no 32-bit sum over a full-scale window overflows */
	RC_PROGRESS_SMOOTH = 5,  /* looks taken together, longer than the beat of 25 Hz */
	RC_PROGRESS_PAST = 16,   /* looks a chord's power is remembered */
	RC_PROGRESS_HEARD = 8,   /* bursts remembered for each tone */
	RC_PROGRESS_EVENTS = 18, /* the most one look can bring */
};

struct rc_progress_burst {
	double hz[RC_PROGRESS_LINES]; /* ascending; unused ones 0 */
	uint32_t on_ms;               /* 0: it goes on; then it is the tone's only burst */
	uint32_t off_ms;              /* the silence after it; 0: none, or whatever comes */
};

struct rc_progress_tone {
	struct rc_progress_burst burst[RC_PROGRESS_BURSTS];
	uint32_t bursts;
	uint32_t needed;  /* bursts heard before it is recognised, 1-6 */
	uint32_t held_ms; /* what the last of them must hold: silence after it, or the tone that
			     goes on */
	double off_hz;    /* how far each frequency may be off, 1-50 Hz */
	double off_part; /* how far each duration may be off, as a part of it, besides 15 ms; to 0.4
			  */
	double faintest; /* the least mean square heard as it, as a part of 0 dBm0's; 1e-6 to 1 */
};

/* One filter: a frequency, or the middle of several too close to part. */
struct rc_progress_band {
	int16_t cosine[RC_PROGRESS_WINDOW / 2];
	int16_t sine[RC_PROGRESS_WINDOW / 2];
	double hz;
	double turn_re, turn_im; /* one hop's turn at that frequency */
};

struct rc_progress_chord {
	double hz[RC_PROGRESS_LINES];
	double off_hz;
	double faintest;
	uint32_t bands;
	uint32_t band[RC_PROGRESS_LINES];
	double widest[RC_PROGRESS_LINES]; /* cosine of the phase that a hop may turn beside its own
					   */
	double steadiest[RC_PROGRESS_LINES]; /* how little it may waver: several lines in a band
						beat */
	double least[RC_PROGRESS_LINES];     /* how much it may */
};

struct rc_progress_table {
	struct rc_progress_tone tone[RC_PROGRESS_TONES];
	uint8_t chord_of[RC_PROGRESS_TONES][RC_PROGRESS_BURSTS];
	struct rc_progress_chord chord[RC_PROGRESS_CHORDS];
	struct rc_progress_band band[RC_PROGRESS_BANDS];
	struct rc_progress_band low[RC_PROGRESS_LOW];
	int16_t hann[RC_PROGRESS_WINDOW / 2];
	uint32_t tones, chords, bands;
};

/* RC_BAD for an entry outside the bounds above, a frequency outside 200-3400 Hz, or a burst or
 * silence under 80 ms; RC_FULL for more tones, chords or bands than a table holds. */
enum rc_status rc_progress_table_init(
	struct rc_progress_table *table, const struct rc_progress_tone *tones, size_t count);

enum {
	RC_PROGRESS_RECOGNISED = 1, /* this tone is on the line, since at_sample */
	RC_PROGRESS_ENDED = 2,      /* it was, until at_sample */
	RC_PROGRESS_BEEP = 3, /* one pure tone of 0.15-1.5 s, then quiet; it began at at_sample */
	RC_PROGRESS_SILENCE = 4, /* nothing since at_sample */
};

struct rc_progress_event {
	uint8_t kind;
	uint8_t tone;            /* its place in the table; of no meaning for a beep and silence */
	uint64_t at_sample;      /* in samples since init */
	uint64_t decided_sample; /* how much had been heard when we knew */
};

/* One chord's coming and going, or the beep's. Powers are smoothed over RC_PROGRESS_SMOOTH looks.
 */
struct rc_progress_track {
	double power[RC_PROGRESS_PAST];
	double plateau_sum; /* of the burst's powers, while it is on */
	double plateau;     /* of the burst that is on, else of the last one; 0: there was none */
	uint64_t began, gone;
	uint32_t plateau_looks;
	uint32_t sounding;  /* looks in a row that hold it and nothing else */
	uint32_t absent;    /* looks in a row without it, while it is on */
	uint32_t gap_looks; /* since it was gone */
	uint32_t gap_loud;  /* of them, those neither quiet nor itself */
	bool on;
	bool hushed;    /* it has been quiet since, and soon enough */
	bool sharp;     /* it rose out of quiet at once */
	bool gap_clean; /* the gap before the burst that is on was quiet */
};

struct rc_progress_heard {
	uint64_t began, gone;
	uint8_t chord;
	bool sharp, gap_clean;
};

struct rc_progress_following {
	struct rc_progress_heard heard[RC_PROGRESS_HEARD];
	uint64_t bursts; /* pushed since the tone last ended; burst k stands at heard[k % HEARD] */
	bool told;
};

struct rc_progress {
	uint64_t heard; /* samples */
	uint64_t looks;
	int16_t recent[RC_PROGRESS_WINDOW];
	uint32_t filled;
	int32_t re[RC_PROGRESS_BANDS], im[RC_PROGRESS_BANDS]; /* of the last look */
	int64_t turned_re[RC_PROGRESS_BANDS][RC_PROGRESS_SMOOTH];
	int64_t turned_im[RC_PROGRESS_BANDS][RC_PROGRESS_SMOOTH];
	int64_t power[RC_PROGRESS_BANDS][RC_PROGRESS_SMOOTH];
	double earlier[RC_PROGRESS_BANDS]; /* the powers, smoothed, one look ago */
	double energy[RC_PROGRESS_SMOOTH]; /* of all that is above 150 Hz */
	int64_t lag[3][RC_PROGRESS_SMOOTH];
	struct rc_progress_track track[RC_PROGRESS_CHORDS];
	struct rc_progress_track beep;
	double beep_lowest, beep_highest;   /* cosine of its frequency, while it is on */
	double beep_spread;                 /* sum of its looks' */
	double beep_faintest, beep_loudest; /* its power */
	bool beep_told;
	struct rc_progress_following following[RC_PROGRESS_TONES];
	double noise;         /* the line's own, learned */
	uint64_t quiet_since; /* sample */
	uint64_t silence_samples;
	uint32_t loud_looks; /* in a row */
	bool silence_told;
	bool hears_beeps;
};

/* `silence_ms` 0: silence is never told. */
void rc_progress_init(struct rc_progress *p, uint32_t silence_ms, bool hears_beeps);

/* Somebody is there, though nothing is heard of them: silence is told from now on only. */
void rc_progress_stir(struct rc_progress *p);

/* Hears `samples` more and returns the number of events written. With room for RC_PROGRESS_EVENTS *
 * (samples / RC_PROGRESS_HOP + 1) none is ever lost; beyond its room, an event is dropped. The
 * table is the same one for the whole call. */
size_t rc_progress_feed(struct rc_progress *p, const struct rc_progress_table *table,
	const int16_t *pcm, size_t samples, struct rc_progress_event *out, size_t room);
