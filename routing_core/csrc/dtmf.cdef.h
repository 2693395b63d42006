/* A digit keyed as two tones in the audio itself (ITU-T Q.23, Q.24). The pieces the audio comes in
 * make no difference to the answer, nor does the machine: the same samples give the same events.
 *
 * Where the line is clean, a digit is decided 25 ms after its begin, and its end 25 ms after it:
 * holes of up to 20 ms are bridged, pauses of 30 ms part two digits. Through noise, hum or dial
 * tone a decision takes from 34 ms, over loud speech from 38 ms. */
enum {
	RC_DTMF_HOP = 16,     /* samples from one look to the next: 2 ms */
	RC_DTMF_PAST = 64,    /* looks remembered; a power of two */
	RC_DTMF_RECENT = 896, /* samples of room; the last 640 always stay remembered */
};

enum { RC_DTMF_BEGAN = 1, RC_DTMF_ENDED = 2 };

/* What a digit may be believed in. */
enum {
	RC_DTMF_CLEAN = 1, /* two tones and next to nothing else */
	RC_DTMF_NOISY =
		2, /* two tones that rose out of what was there before: noise, hum, dial tone */
	RC_DTMF_ECHOED = 4, /* two tones in tune over speech, such as a prompt's echo */
	RC_DTMF_ANY = 7,
};

struct rc_dtmf_event {
	uint8_t kind;            /* RC_DTMF_BEGAN or RC_DTMF_ENDED */
	char digit;              /* 0-9 * # A-D */
	uint8_t mode;            /* RC_DTMF_CLEAN, _NOISY or _ECHOED: what it was believed in */
	float rest;              /* what else was heard, as a part of the two tones' energy */
	uint64_t at_sample;      /* when it truly began or ended, in samples since init */
	uint64_t decided_sample; /* how much had been heard when we knew */
};

/* A point of the plane: how strong, and turned how far. */
struct rc_dtmf_phasor {
	float re, im;
};

/* One look: where the low tones' band and the better of the high tones' two bands point, 3 ms
 * before the hop's end, and what energy the hop's own 16 samples hold. */
struct rc_dtmf_hop {
	struct rc_dtmf_phasor low, high;
	uint32_t energy; /* sum of ((x[n] - x[n-2]) / 8)^2: all that is there but DC and hum */
	uint32_t number; /* which hop this is */
	uint8_t upper;   /* 1 when the high tone is seen through the upper of the two bands */
	bool looked, weighed;
};

/* Two tones that rose together and are to be judged. */
struct rc_dtmf_candidate {
	bool open;
	bool slid;          /* out of the digit before, without a pause */
	uint8_t low, high;  /* which tones, as far as is known */
	uint8_t weak_looks; /* in a row that did not hold it */
	bool is_early;      /* still to be tried for the first time */
	int64_t onset_sample;
	uint64_t try_sample;           /* when that is due */
	float low_power, high_power;   /* as they were when it was found */
	float low_before, high_before; /* the bands' mean powers before the onset */
	float energy_at_onset;         /* of the last hop before it */
	float energy_before;           /* mean of a hop in the 20 ms before it */
	float energy_before_most;      /* the greatest such mean in the 60 ms before */
};

struct rc_dtmf {
	uint64_t heard;       /* samples */
	uint64_t look_sample; /* when the next look is due */
	uint64_t hops;        /* whole hops heard */
	uint32_t filled;      /* samples in `recent` */
	uint8_t modes;        /* those allowed; after init RC_DTMF_ANY, and may be set to fewer */
	char digit;           /* the digit now down, or 0 */
	uint8_t mode;
	bool is_gone;                   /* its tones are away, for good or not */
	bool low_crowded, high_crowded; /* a voice beside that tone hides whether it is away */
	float rest;
	float low_power, high_power;               /* as they were when it was decided */
	struct rc_dtmf_phasor low_turn, high_turn; /* of its tones in one hop */
	uint64_t gone_sample;                      /* when they fell */
	struct rc_dtmf_candidate candidate;
	struct rc_dtmf_hop past[RC_DTMF_PAST];
	int16_t recent[RC_DTMF_RECENT];
};

void rc_dtmf_init(struct rc_dtmf *d);

/* Hears `samples` more and returns the number of events written. With room for 2 * (samples /
 * RC_DTMF_HOP + 1) none is ever lost; beyond its room, an event is dropped. */
size_t rc_dtmf_feed(struct rc_dtmf *d, const int16_t *pcm, size_t samples,
	struct rc_dtmf_event *out, size_t room);

/* The same for many channels at once: `samples` of each, one channel after the other, and `room`
 * events of `out` for each, of which `counts` says how many were written. */
void rc_dtmf_feed_each(struct rc_dtmf *detectors, size_t channels, const int16_t *pcm,
	size_t samples, struct rc_dtmf_event *out, size_t room, size_t *counts);
