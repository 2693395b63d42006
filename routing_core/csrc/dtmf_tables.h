/* The bands of the tone detector, made by routing_core/_dtmf_tables.py: change that. */
#ifndef RC_DTMF_TABLES_H
#define RC_DTMF_TABLES_H

#include <stdint.h>

/* 823 Hz */
static const int16_t LOW_EVEN[24] = {-458, -151, 122, 515, 838, 849, 389, -482, -1439, -2001, -1747,
	-575, 1166, 2752, 3390, 2604, 534, -2048, -4028, -4458, -3018, -219, 2787, 4710};

static const int16_t LOW_ODD[24] = {261, 352, 499, 421, 32, -591, -1188, -1405, -972, 105, 1467,
	2501, 2606, 1517, -487, -2623, -3915, -3653, -1768, 1057, 3646, 4844, 4064, 1578};

/* 1272 Hz */
static const int16_t MIDDLE_EVEN[24] = {-45, -338, -447, -40, 677, 965, 253, -1060, -1694, -685,
	1381, 2559, 1352, -1523, -3417, -2200, 1397, 4095, 3101, -986, -4438, -3878, 356, 4360};

static const int16_t MIDDLE_ODD[24] = {-525, -179, 251, 664, 495, -372, -1224, -1040, 384, 1883,
	1816, -201, -2515, -2749, -226, 2969, 3697, 875, -3120, -4475, -1645, 2911, 4915, 2379};

/* 1560 Hz */
static const int16_t UPPER_EVEN[24] = {-458, -291, 181, 665, 272, -807, -1066, 301, 1720, 938,
	-1535, -2371, 134, 3004, 2056, -2029, -3843, -460, 3951, 3291, -1948, -4834, -1300, 4064};

static const int16_t UPPER_ODD[24] = {-261, 249, 480, -10, -794, -647, 653, 1454, 245, -1771, -1687,
	982, 2852, 924, -2739, -3089, 923, 4162, 1935, -3189, -4314, 380, 4753, 2856};

static const float CENTRE_HZ[3] = {823.0f, 1272.0f, 1560.0f};

/* The taps' sum. */
static const float TAPS_SUM = 130000.0f;

/* What a band keeps of an amplitude, in powers of (Hz from its centre / 100)^2 */
static const float DROOP[4] = {0.9998928f, -0.2904799f, 0.0338330f, -0.0017274f};

#endif
