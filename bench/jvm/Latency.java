/* Latency.java - how long things took, in buckets of at most 3 % width.
 * SPDX-License-Identifier: Apache-2.0
 */
package peers;

/** Times in microseconds; may be used by several threads. */
public final class Latency {
	private static final int FINE = 32;	// buckets for each power of two
	private static final int LOG_FINE = 5;
	private final long[] counts = new long[FINE * (64 - LOG_FINE)];
	private long n;

	public synchronized void add(long us) {
		counts[bucket(Math.max(us, 0))]++;
		n++;
	}

	/** quantile gives the middle of the bucket that Q of all are in or below; -1 of none. */
	public synchronized long quantile(double q) {
		long rank = (long) Math.ceil(q * n);
		long below = 0;
		if (n == 0)
			return -1;
		int i = 0;
		while ((below += counts[i]) < rank)
			i++;
		return (lowest(i) + lowest(i + 1)) / 2;
	}

	private static int bucket(long us) {
		if (us < FINE)
			return (int) us;
		int shift = 63 - LOG_FINE - Long.numberOfLeadingZeros(us);
		return FINE * (shift + 1) + (int) (us >> shift) - FINE;
	}

	private static long lowest(int bucket) {
		if (bucket < FINE)
			return bucket;
		return (long) (bucket % FINE + FINE) << (bucket / FINE - 1);
	}
}
