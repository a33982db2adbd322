/* JetConst.java - numbers at a rate through two processors of Hazelcast Jet, embedded.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     java peers.JetConst RATE DIR WARM-UP SECONDS
 */
package peers;

import com.hazelcast.config.Config;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.jet.config.JobConfig;
import com.hazelcast.jet.config.ProcessingGuarantee;
import com.hazelcast.jet.core.ProcessorMetaSupplier;
import com.hazelcast.jet.core.processor.Processors;
import com.hazelcast.jet.pipeline.Pipeline;
import com.hazelcast.jet.pipeline.Sinks;
import com.hazelcast.jet.pipeline.SourceBuilder;
import com.hazelcast.jet.pipeline.StreamSource;

public final class JetConst {
	private JetConst() {
	}

	public static void main(String[] args) throws Exception {
		StreamSource<Long> source = SourceBuilder.stream("numbers", context -> new Numbers(args))
			.<Long>fillBufferFn(Numbers::fill)
			.createSnapshotFn(numbers -> numbers.n)
			.restoreSnapshotFn((numbers, saved) -> numbers.n = saved.get(0))
			.build();
		Pipeline pipeline = Pipeline.create();
		pipeline.readFrom(source).withoutTimestamps().setLocalParallelism(1)
			.map(n -> n).setLocalParallelism(1)
			.writeTo(Sinks.fromProcessor("null",
				ProcessorMetaSupplier.of(1, Processors.filterP(JetConst::ended))));
		Hazelcast.newHazelcastInstance(config()).getJet().newJob(pipeline, new JobConfig()
			.setProcessingGuarantee(ProcessingGuarantee.AT_LEAST_ONCE)
			.setSnapshotIntervalMillis(1000));
		Thread.currentThread().join();
	}

	/** Threads with nothing to do look again after 25 us, and not after up to 500 us or 5 ms. */
	private static Config config() {
		Config config = JetCount.config();
		String most = System.getProperty("idle", "25");
		config.setProperty("hazelcast.jet.idle.cooperative.max.microseconds", most);
		config.setProperty("hazelcast.jet.idle.noncooperative.max.microseconds", most);
		return config;
	}

	/** ended lets nothing pass. */
	private static boolean ended(long n) {
		Pace.completed(n);
		return false;
	}

	/** Each number at the time at which it is due. */
	private static final class Numbers {
		private static final int BURST = 128;
		private final String[] args;
		private boolean started;
		private long n;

		Numbers(String[] args) {
			this.args = args;
		}

		void fill(SourceBuilder.SourceBuffer<Long> out) {
			if (!started) {
				Pace.sharpen();
				Pace.start(Integer.parseInt(args[0]), args[1], Integer.parseInt(args[2]),
					Integer.parseInt(args[3]));
			}
			started = true;
			if (n == Pace.total())
				return;
			Pace.await(n);
			for (int i = 0; i < BURST && Pace.isDue(n); i++)
				out.add(n++);
		}
	}
}
