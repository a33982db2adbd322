/* Latency.java - how long things took, in buckets of at most 3 % width, those of ../latency.h.
 * SPDX-License-Identifier: Apache-2.0
 */
package peers;

/** Times in nanoseconds; may be used by several threads. */
public final class Latency {
	private static final int FINE = 32;	// buckets for each power of two
	private static final int LOG_FINE = 5;
	private final long[] counts = new long[FINE * (64 - LOG_FINE)];
	private long n;

	public synchronized void add(long ns) {
		counts[bucket(Math.max(ns, 0))]++;
		n++;
	}

	/**
	 * quantile gives the time in microseconds that Q of all do not exceed: the upper end of its
	 * bucket; -1 of none.
	 */
	public synchronized double quantile(double q) {
		long rank = (long) Math.ceil(q * n);
		long below = 0;
		if (n == 0)
			return -1;
		int i = 0;
		while ((below += counts[i]) < rank)
			i++;
		return (i < FINE ? i : lowest(i + 1)) / 1000.0;
	}

	private static int bucket(long ns) {
		if (ns < FINE)
			return (int) ns;
		int shift = 63 - LOG_FINE - Long.numberOfLeadingZeros(ns);
		return FINE * (shift + 1) + (int) (ns >> shift) - FINE;
	}

	private static long lowest(int bucket) {
		if (bucket < FINE)
			return bucket;
		return (long) (bucket % FINE + FINE) << (bucket / FINE - 1);
	}
}
