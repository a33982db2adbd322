/* Pace.java - numbers that leave at a rate, and how long each takes from when it was due.
 * SPDX-License-Identifier: Apache-2.0
 */
package peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * What ../latency.h is to the bare pipeline and to gale: open loop, and what leaves late counts from
 * when it should have left. During the warm-up HOT numbers a second are due, so that all that is
 * going to be compiled is compiled, and in its last seconds as many as in the window.
 *
 * One thread emits numbers, one sees them complete.
 */
public final class Pace {
	private static final int HOT = 5_000;	// a second, at least
	private static final int SETTLE_S = 3;
	private static final int PATIENCE_S = 30;	// for what is on its way at the end
	private static final double KEPT = 0.98;	// of the rate, or it can't be kept
	private static final long NS = 1_000_000_000;
	private static final CountDownLatch left = new CountDownLatch(1);
	private static int rate;
	private static int hotRate;
	private static long hot;	// so many are due before it settles
	private static long hotS;
	private static long unmeasured;
	private static long total;
	private static long completed;
	private static volatile long startNs;

	private Pace() {
	}

	/** start begins the warm-up: number 0 is due. */
	public static void start(int perSecond, String dir, int warmUpSeconds, int seconds) {
		rate = perSecond;
		hotRate = Math.max(rate, HOT);
		hotS = warmUpSeconds - SETTLE_S;
		hot = hotS * hotRate;
		unmeasured = hot + (long) SETTLE_S * rate;
		total = unmeasured + (long) seconds * rate;
		startNs = System.nanoTime();
		Window.start(dir, warmUpSeconds, seconds);
	}

	/** total is how many there are; 0: nothing leaves at a rate here. */
	public static long total() {
		return total;
	}

	private static long due(long k) {
		if (k < hot)
			return startNs + k / hotRate * NS + k % hotRate * NS / hotRate;
		k -= hot;
		return startNs + hotS * NS + k / rate * NS + k % rate * NS / rate;
	}

	/** isDue says whether number K is to leave now; those behind the last one never are. */
	public static boolean isDue(long k) {
		return k < total && due(k) - System.nanoTime() <= 0;
	}

	/** await waits until number K is due. */
	public static void await(long k) {
		for (long ns; (ns = due(k) - System.nanoTime()) > 0; )
			LockSupport.parkNanos(ns);
	}

	/** sharpen makes this thread's timers ring at their time, and not up to 50 us later. */
	public static void sharpen() {
		try {
			Path thread = Path.of("/proc/thread-self").toRealPath().getFileName();
			Files.writeString(Path.of("/proc", thread.toString(), "timerslack_ns"), "1");
		} catch (IOException e) {
			throw new UncheckedIOException(e);
		}
	}

	/** completed notes that number K has come to its end. */
	public static void completed(long k) {
		Window.done.increment();
		if (k >= unmeasured && k < total)
			Window.latency.add(System.nanoTime() - due(k));
		if (++completed == total)
			left.countDown();
	}

	/** kept waits for what is on its way; false when RATE a second were too many. */
	static boolean kept(double perSecond) throws InterruptedException {
		return perSecond >= KEPT * rate && left.await(PATIENCE_S, TimeUnit.SECONDS);
	}
}
