/* A digit keyed as two tones in the audio itself. Windows of 20 ms, one each 4 ms; any chunk size
 * gives the same answer. Where the line is clean, a digit is decided 30-34 ms after its begin and
 * its end 34-38 ms after it: holes of up to 20 ms are bridged, pauses of 30 ms part two digits. */
enum {
	RC_DTMF_WINDOW = 160, /* samples looked at together */
	RC_DTMF_HOP = 32,     /* samples from one look to the next */
	RC_DTMF_PAST = 16,    /* looks remembered; a power of two */
	RC_DTMF_TONES = 8,    /* 697 770 852 941 1209 1336 1477 1633 Hz */
};

enum { RC_DTMF_BEGAN = 1, RC_DTMF_ENDED = 2 };

struct rc_dtmf_event {
	uint8_t kind;            /* RC_DTMF_BEGAN or RC_DTMF_ENDED */
	char digit;              /* 0-9 * # A-D */
	uint64_t at_sample;      /* when it truly began or ended, in samples since init */
	uint64_t decided_sample; /* how much had been heard when we knew */
};

/* What one window holds. Power is the mean square of a sine at exactly that frequency. */
struct rc_dtmf_look {
	float re[RC_DTMF_TONES];
	float im[RC_DTMF_TONES];
	float power[RC_DTMF_TONES];
	float energy; /* mean square of x[n] - x[n-2]: all that is there but DC and hum */
};

struct rc_dtmf {
	uint64_t heard; /* samples */
	uint64_t looks; /* windows analysed; look k stands at past[k % RC_DTMF_PAST] */
	int16_t recent[RC_DTMF_WINDOW];
	uint32_t filled; /* samples in `recent` */
	struct rc_dtmf_look past[RC_DTMF_PAST];
	char digit;                  /* the digit now down, or 0 */
	uint8_t low, high;           /* its tones */
	float low_power, high_power; /* as they were when it was decided */
	uint32_t absent;             /* looks in a row without it */
	uint64_t gone_sample;        /* when the first of them began */
};

void rc_dtmf_init(struct rc_dtmf *d);

/* Hears `samples` more and returns the number of events written. With room for 2 * (samples /
 * RC_DTMF_HOP + 1) none is ever lost; beyond its room, an event is dropped. */
size_t rc_dtmf_feed(struct rc_dtmf *d, const int16_t *pcm, size_t samples,
	struct rc_dtmf_event *out, size_t room);
