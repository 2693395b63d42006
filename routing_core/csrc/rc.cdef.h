/* The C core as Python sees it. No preprocessor here: cffi reads this file, and rc.h includes it.
 *
 * The core owns nothing: the caller brings every byte and keeps it alive. No function allocates,
 * logs or calls back. A function that can fail returns an rc_status and leaves its outputs alone
 * when it does. */

/* ---- common ---- */

enum rc_status {
	RC_OK = 0,
	RC_NONE = 1,   /* nothing there now: no match, no event */
	RC_FULL = 2,   /* a table or ring has no room; nothing was changed */
	RC_BAD = 3,    /* an argument outside its declared range; nothing was changed */
	RC_SYSTEM = 4, /* the kernel refused; errno says why */
};

/* Audio is 8 kHz, 16 bit, native byte order. A level in dBm0 is of the whole signal; 0 dBm0 is a
 * sine of peak 22,827 so that a sine of full scale is +3.14 dBm0 (ITU-T G.711, A-law). */

/* ---- g711 ---- */

void rc_alaw_encode(const int16_t *pcm, uint8_t *codes, size_t samples);
void rc_alaw_decode(const uint8_t *codes, int16_t *pcm, size_t samples);
void rc_ulaw_encode(const int16_t *pcm, uint8_t *codes, size_t samples);
void rc_ulaw_decode(const uint8_t *codes, int16_t *pcm, size_t samples);

/* ---- level ---- */

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

/* ---- tone ---- */

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

/* ---- dtmf ---- */

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
	float energy; /* mean square of everything in the window */
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

/* ---- acd ---- */

/* Who answers whom. Calls and agents are slots of two tables, numbered from 0; a skill is a bit. A
 * call waits from the moment it is said to until it is said to leave, and likewise an agent is
 * free: asking for a match changes nothing. Every order is by keys that never change, so a call put
 * back with its old `since_ms` has its old rank. */
struct rc_acd;

struct rc_match {
	uint32_t call;
	uint32_t agent;
};

/* Bytes for tables of these sizes, to be brought to rc_acd_init aligned to 8. They hold pointers
 * into themselves: not to be moved or copied. */
size_t rc_acd_size(uint32_t agents, uint32_t calls);
struct rc_acd *rc_acd_init(void *memory, uint32_t agents, uint32_t calls);

/* The call now waits (again, by these keys, if it already did). It should be answered within
 * `target_ms` of `since_ms`. RC_BAD for a slot outside the table, a negative target, or a deadline
 * that int64_t cannot hold. */
enum rc_status rc_acd_call_waits(
	struct rc_acd *acd, uint32_t call, uint64_t needs, int64_t since_ms, int64_t target_ms);

/* RC_NONE when it was not waiting; RC_BAD for a slot outside the table. */
enum rc_status rc_acd_call_leaves(struct rc_acd *acd, uint32_t call);

/* The agent is free since then (again, by these keys). RC_BAD for a slot outside the table. */
enum rc_status rc_acd_agent_free(
	struct rc_acd *acd, uint32_t agent, uint64_t skills, int64_t since_ms);

/* RC_NONE when it was not free; RC_BAD for a slot outside the table. */
enum rc_status rc_acd_agent_busy(struct rc_acd *acd, uint32_t agent);

/* The call with the earliest deadline that somebody free can help; among equals the longest
 * waiting, then the lowest slot. Of the free agents who have all it needs, the one with the fewest
 * other skills, so that the rare ones stay free; among equals the longest idle, then the lowest
 * slot. RC_NONE when no caller can be helped now. */
enum rc_status rc_acd_next(const struct rc_acd *acd, struct rc_match *out);

/* The call's place among the waiting calls that need just the same, 1 being next; 0 when it does
 * not wait. */
uint32_t rc_acd_position(const struct rc_acd *acd, uint32_t call);
