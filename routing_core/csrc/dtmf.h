/* What the three files of the detector share; no other file includes it.
 *
 * dtmf_bands.c sees: 6 ms of audio through three bands. dtmf_verify.c judges: are these two tones a
 * digit? dtmf.c remembers: when they rose, when they fell, what was told.
 *
 * Nothing here may be left to the platform: the decisions rest on integers and on additions,
 * products, quotients and square roots of IEEE 754, which are the same everywhere as long as the
 * compiler does not fuse or reorder them (-ffp-contract=off, no -ffast-math). Sines and arcs are
 * our own polynomials. */
#ifndef RC_DTMF_H
#define RC_DTMF_H

#include <math.h>

#include "rc.h"

enum {
	HOP = RC_DTMF_HOP,
	WINDOW = 48,       /* samples of one look: 6 ms */
	HALF = WINDOW / 2, /* a look's middle lies this long before its end */
	REMEMBERED = 640,  /* samples: 80 ms */
	SIDE = 4,          /* tones in a group */

	/* How many hops back the audio of a look, and of a hop itself, is remembered for certain.
	 */
	LOOKS_IN_REACH = (REMEMBERED - WINDOW - HOP) / HOP,
	HOPS_IN_REACH = (REMEMBERED - 3 * HOP) / HOP,
};

static const double SAMPLE_RATE_HZ = 8000.0;

/* ITU-T Q.23 */
static const float LOW_HZ[SIDE] = {697.0f, 770.0f, 852.0f, 941.0f};
static const float HIGH_HZ[SIDE] = {1209.0f, 1336.0f, 1477.0f, 1633.0f};

typedef struct rc_dtmf_phasor phasor;

enum group { LOW, HIGH };

static inline float square(float value)
{
	return value * value;
}

static inline float power(phasor z)
{
	return z.re * z.re + z.im * z.im;
}

static inline phasor turned(phasor z, phasor by)
{
	return (phasor){z.re * by.re - z.im * by.im, z.re * by.im + z.im * by.re};
}

/* The turn that leads from `from` to `to`, as strong as both together. */
static inline phasor turn_to(phasor to, phasor from)
{
	return (phasor){to.re * from.re + to.im * from.im, to.im * from.re - to.re * from.im};
}

static inline phasor sum(phasor a, phasor b)
{
	return (phasor){a.re + b.re, a.im + b.im};
}

static inline phasor seen(const struct rc_dtmf_hop *hop, enum group group)
{
	return group == LOW ? hop->low : hop->high;
}

/* A phasor of length 1 after so many turns, and the turns of one, -0.5 to 0.5. */
phasor rc_dtmf_after_turns(double turns);
double rc_dtmf_turns_of(phasor z);

/* The hop that ended `ago` hops ago, looked at now if it was not yet; what was not while its audio
 * was in reach counts as silence. The same of a hop's energy. */
const struct rc_dtmf_hop *rc_dtmf_hop(struct rc_dtmf *d, uint32_t ago);
float rc_dtmf_energy(struct rc_dtmf *d, uint32_t ago);

/* The power a look shows of a sine of this frequency whose mean square is 1. */
float rc_dtmf_kept(float hz, enum group group, bool upper);

static inline float seen_power(struct rc_dtmf *d, enum group group, uint32_t ago)
{
	return power(seen(rc_dtmf_hop(d, ago), group));
}

enum verdict {
	NOT_YET,
	NEVER, /* two tones, but no digit's */
	DIGIT,
};

struct finding {
	enum verdict verdict;
	uint8_t mode; /* of a digit: what it is believed in */
	float rest;   /* what else is there, as a part of the tones' energy */
	float low_hz, high_hz;
};

/* Are the candidate's two tones a digit, with next to nothing else? As of the newest sample. An
 * early call may put the candidate's onset right, and ask for another one later. */
struct finding rc_dtmf_judge_clean(struct rc_dtmf *d);

/* Are they, in spite of noise or speech? As of the newest hop. */
struct finding rc_dtmf_judge_disturbed(struct rc_dtmf *d);

#endif
