/* What the four files of the detector share; no other file includes it.
 *
 * dtmf_bands.c sees: 6 ms of audio through three bands. dtmf_apart.c tells two sounds in one band
 * apart. dtmf_verify.c judges: are these two tones a digit? dtmf.c remembers: when they rose, when
 * they fell, what was told.
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

/* cos and sin of each tone's turn in one hop, 2 ms */
static const phasor LOW_TURN[SIDE] = {{-0.786288f, 0.617860f}, {-0.968583f, -0.248690f},
	{-0.285019f, -0.958522f}, {0.737513f, -0.675333f}};
static const phasor HIGH_TURN[SIDE] = {{-0.870184f, 0.492727f}, {-0.470704f, -0.882291f},
	{0.958522f, -0.285019f}, {-0.100362f, 0.994951f}};

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

/* The same, when it was not looked at yet. */
const struct rc_dtmf_hop *rc_dtmf_look(struct rc_dtmf *d, uint32_t ago);

/* The hop that ended `ago` hops ago, looked at now if it was not yet; what was not while its audio
 * was in reach counts as silence. */
static inline const struct rc_dtmf_hop *hop_at(struct rc_dtmf *d, uint32_t ago)
{
	uint32_t number = (uint32_t)(d->hops - 1 - ago);
	const struct rc_dtmf_hop *hop = &d->past[number % RC_DTMF_PAST];

	return hop->looked && hop->number == number ? hop : rc_dtmf_look(d, ago);
}

/* The same of its energy. */
float rc_dtmf_weigh(struct rc_dtmf *d, uint32_t ago);

static inline float energy_at(struct rc_dtmf *d, uint32_t ago)
{
	uint32_t number = (uint32_t)(d->hops - 1 - ago);
	const struct rc_dtmf_hop *hop = &d->past[number % RC_DTMF_PAST];

	return hop->weighed && hop->number == number ? (float)hop->energy : rc_dtmf_weigh(d, ago);
}

/* In the middle of its band a tone is shown whole. */
float rc_dtmf_band_hz(enum group group, bool upper);

/* The power a look shows of a sine of this frequency whose mean square is 1. */
float rc_dtmf_kept(float hz, enum group group, bool upper);

static inline float seen_power(struct rc_dtmf *d, enum group group, uint32_t ago)
{
	return power(seen(hop_at(d, ago), group));
}

/* One of two sounds in a band's looks, and where its phasor points in the middle of them. */
struct sound {
	float hz;
	phasor middle;
};

struct pair {
	struct sound one, other;
	float lack; /* part of the looks' power that is neither's */
};

/* Tells the two strongest sounds in these looks, oldest first, apart; false where there is but one.
 */
bool rc_dtmf_tell_apart(const phasor *z, uint32_t looks, float band_hz, struct pair *pair);

/* The power of a sound of this frequency in looks that may hold one of the other frequency too. */
float rc_dtmf_power_beside(const phasor *z, uint32_t looks, float hz, float beside_hz);

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
	bool low_crowded, high_crowded; /* a voice stands beside that tone, and hides its end */
};

/* Are the candidate's two tones a digit, with next to nothing else? As of the newest sample, 25 ms
 * after the onset. It may put the onset right, and ask to be called once more. */
struct finding rc_dtmf_judge_early(struct rc_dtmf *d);

/* Are they, in spite of a slow rise, a hole, noise or speech? As of the newest hop. */
struct finding rc_dtmf_judge_late(struct rc_dtmf *d);

#endif
