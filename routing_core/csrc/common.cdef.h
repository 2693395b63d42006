/* What all modules share. The core owns nothing: the caller brings every byte and keeps it alive.
 * No function allocates, logs or calls back. A function that can fail returns an rc_status and
 * leaves its outputs alone when it does. */

enum rc_status {
	RC_OK = 0,
	RC_NONE = 1,   /* nothing there now: no match, no event */
	RC_FULL = 2,   /* a table or ring has no room; nothing was changed */
	RC_BAD = 3,    /* an argument outside its declared range; nothing was changed */
	RC_SYSTEM = 4, /* the kernel refused; errno says why */
};

/* Audio is 8 kHz, 16 bit, native byte order. A level in dBm0 is of the whole signal; 0 dBm0 is a
 * sine of peak 22,827 so that a sine of full scale is +3.14 dBm0 (ITU-T G.711, A-law). */
